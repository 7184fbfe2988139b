"""JSON columns of our own: one that SQLite takes as it comes, and one that is encrypted at rest, with keys of its own
(`CREDENTIALS_KEYS`), apart from SECRET_KEY."""

from __future__ import annotations

import json
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from runs.errors import MissingKey


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The cipher of the configured keys: the first one encrypts, all of them decrypt."""
    return _cipher(tuple(settings.CREDENTIALS_KEYS))


class TokenState(Enum):
    """How a Fernet token stands to the configured keys."""

    CURRENT = "of the first key"
    OLD = "of another of the keys"
    UNREADABLE = "of none of them"


def token_state(token: str) -> TokenState:
    if _opens(tuple(settings.CREDENTIALS_KEYS[:1]), token):
        return TokenState.CURRENT
    return TokenState.OLD if _opens(tuple(settings.CREDENTIALS_KEYS), token) else TokenState.UNREADABLE


def renewed(token: str) -> str:
    """The same value and time, encrypted with the first key. Raises InvalidToken where no key decrypts it."""
    return cipher().rotate(token).decode()


def _opens(keys: tuple[str, ...], token: str) -> bool:
    try:
        _cipher(keys).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


if TYPE_CHECKING:
    _AnyTextField = models.TextField[Any, Any]
    _AnyJSONField = models.JSONField[Any, Any]
else:
    _AnyTextField = models.TextField
    _AnyJSONField = models.JSONField


class UncheckedJSONField(_AnyJSONField):
    """JSON of whose form its writer is sure: SQLite, which keeps it as a text, does not read each value once more."""

    def db_check(self, connection: object) -> None:
        return None


class EncryptedJSONField(_AnyTextField):
    """Holds a JSON value; the database and its backups see a Fernet token only."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        if value is None:
            return None
        try:
            return json.loads(cipher().decrypt(value.encode()))
        except InvalidToken as error:
            raise MissingKey(f"{self.model.__name__}.{self.name}") from error

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else cipher().encrypt(json.dumps(value).encode()).decode()

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Dumps and exports carry the token, never the plain value."""
        return self.get_prep_value(self.value_from_object(obj)) or ""
