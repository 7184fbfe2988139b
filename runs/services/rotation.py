"""Everything that is stored encrypted, and its way from older keys to the first of `CREDENTIALS_KEYS`.

Safe beside all else that writes: a row is changed only while it holds the very token that was read, and is read again
otherwise. What is done is done for good, so one that was cut short is simply started again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from runs.engine.cursors import SEALED
from runs.models import RunStep
from runs.models.fields import EncryptedJSONField, TokenState, renewed, token_state
from runs.services.audit import note

AT_ONCE = 1000  # rows read by one statement


@dataclass(frozen=True)
class _Place:
    """A column that holds tokens: `token` is the text of one as it is stored, `stored` makes one what is stored."""

    model: type[models.Model]
    column: str
    token: Any
    stored: Callable[[str], Any]

    @property
    def name(self) -> str:
        return f"{self.model._meta.verbose_name}, {self.column}"

    def tokens(self) -> Iterator[tuple[Any, str]]:
        """The key of each row that holds one, and the token. No statement reads more than `AT_ONCE` rows."""
        batch = list(self._rows()[:AT_ONCE])
        while batch:
            yield from ((key, token) for key, token in batch if token is not None)
            batch = list(self._rows(pk__gt=batch[-1][0])[:AT_ONCE])

    def token_of(self, key: Any) -> str | None:
        """The row's token; None if it has none any more, or is gone."""
        return next((token for _, token in self._rows(pk=key)), None)

    def replace(self, key: Any, old: str, new: str) -> bool:
        """False if the row does not hold the old token any more."""
        row = self._annotated().filter(pk=key, token_text=old)
        return bool(row.update(**{self.column: self.stored(new)}))

    def _rows(self, **where: Any) -> Any:
        return self._annotated().filter(**where).order_by("pk").values_list("pk", "token_text")

    def _annotated(self) -> Any:
        return self.model._base_manager.annotate(token_text=self.token)


@dataclass(frozen=True)
class Unreadable:
    """A row that none of the keys decrypts."""

    place: str
    key: str


@dataclass
class KeyTally:
    """How many tokens were found under the first key, under older ones, and under none."""

    current: int = 0
    old: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)

    def count(self, place: str, key: Any, state: TokenState | None) -> None:
        if state is TokenState.CURRENT:
            self.current += 1
        elif state is TokenState.OLD:
            self.old += 1
        elif state is TokenState.UNREADABLE:
            self.unreadable.append(Unreadable(place, str(key)))


def key_tally() -> KeyTally:
    """How everything encrypted stands to the keys. Reads all of it."""
    tally = KeyTally()
    for place in _places():
        for key, token in place.tokens():
            tally.count(place.name, key, token_state(token))
    return tally


def rotate_keys() -> KeyTally:
    """Encrypt with the first key whatever is under an older one; those are the `old` of the answer.

    What no key decrypts stays as it is, and is named. What was done before an interruption is noted too.
    """
    tally = KeyTally()
    try:
        for place in _places():
            for key, token in place.tokens():
                tally.count(place.name, key, _rotate(place, key, token))
    finally:
        if tally.old:
            note("keys.rotate", rotated=tally.old, unreadable=len(tally.unreadable))
    return tally


def _rotate(place: _Place, key: Any, token: str | None) -> TokenState | None:
    """What the row was found in; None if it holds nothing any more."""
    while token is not None and token_state(token) is TokenState.OLD:
        if place.replace(key, token, renewed(token)):
            return TokenState.OLD
        token = place.token_of(key)
    return None if token is None else token_state(token)


def _places() -> list[_Place]:
    """Every encrypted column of every model, and the cursors of steps, some of which are sealed."""
    columns = [
        (model, column.name)
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if isinstance(column, EncryptedJSONField) and not model._meta.proxy
    ]
    whole = [_Place(model, name, _text(name), _as_it_is) for model, name in columns]
    return [*whole, _Place(RunStep, "cursor", _text(KT(f"cursor__{SEALED}")), lambda token: {SEALED: token})]


def _text(value: Any) -> Cast:
    """Neither decrypted nor, when it is compared, taken for JSON."""
    return Cast(value, models.TextField())


def _as_it_is(token: str) -> models.Value:
    """Past the column's own encryption."""
    return models.Value(token, output_field=models.TextField())
