"""A step's cursor as its row keeps it: plain, or sealed where it carries a credential (a next link may)."""

from __future__ import annotations

import json
from typing import Any

from runs.connectors import masked
from runs.models.fields import cipher

SEALED = "sealed"


def sealed(cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    text = json.dumps(cursor)
    return cursor if masked(text) == text else {SEALED: cipher().encrypt(text.encode()).decode()}


def opened(cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """The cursor that `sealed` was given."""
    if cursor is None or SEALED not in cursor:
        return cursor
    opened: dict[str, Any] = json.loads(cipher().decrypt(cursor[SEALED].encode()))
    return opened
