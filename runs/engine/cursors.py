"""A step's cursor as its row keeps it: plain, or sealed where it carries a credential (a next link may)."""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import InvalidToken

from runs.connectors import UnknownCursor, masked
from runs.models.fields import cipher

SEALED = "sealed"


def sealed(cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    text = json.dumps(cursor)
    return cursor if masked(text) == text else {SEALED: cipher().encrypt(text.encode()).decode()}


def opened(cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """The cursor that `sealed` was given. Raises UnknownCursor for one that was sealed with another key."""
    if cursor is None or SEALED not in cursor:
        return cursor
    try:
        opened: dict[str, Any] = json.loads(cipher().decrypt(cursor[SEALED].encode()))
    except InvalidToken as error:
        raise UnknownCursor from error
    return opened
