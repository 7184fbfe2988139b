"""Records that nest deeper than any reader goes: one of them must not cost its page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from runs.depth import MAX_DEPTH, nests_deeper

KEPT = 3 * MAX_DEPTH  # of a body's levels: a record that is cut there is too deep still, wherever in its body it lies
MOST_MARKS = 4_000_000  # some two seconds of looking
_WRITABLE = 254  # levels, to which orjson goes
_CLOSING = {"[": "]", "{": "}"}
_TEXT_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def cut_off(text: str) -> str | None:
    """The JSON with null in the place of all that lies deeper than `KEPT` levels.

    None where that can't be said: its brackets do not pair, or it would take too long.
    """
    if sum(map(text.count, '"[]{}')) > MOST_MARKS:
        return None
    parts: list[str] = []
    expected: list[str] = []
    start = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        mark = found[0]
        if mark in _CLOSING:
            if len(expected) == KEPT:
                parts += [text[start : found.start()], "null"]
            expected.append(_CLOSING[mark])
        elif mark in ("]", "}"):
            if not expected or expected.pop() != mark:
                return None
            if len(expected) == KEPT:
                start = found.end()
    return None if expected else "".join([*parts, text[start:]])


def apart(records: list[Any], most: int = MAX_DEPTH) -> tuple[list[Any], list[Any]]:
    """The records that nest at most so many levels deep, and those that nest deeper."""
    if are_shallow(records, most):
        return records, []
    deep = [nests_deeper(record, most) for record in records]
    kept = [record for record, is_deep in zip(records, deep, strict=True) if not is_deep]
    return kept, [record for record, is_deep in zip(records, deep, strict=True) if is_deep]


def are_shallow(records: Sequence[Any], most: int = MAX_DEPTH) -> bool:
    """Whether none can nest deeper than that. False, too, where something else needs a look.

    Laid so far down that orjson just reaches their last level: to walk through them takes twenty times as long.
    """
    laid_down: Any = records
    for _ in range(_WRITABLE - most - 1):
        laid_down = [laid_down]
    try:
        orjson.dumps(laid_down)
    except orjson.JSONEncodeError:
        return False
    return True


def may_be_deep(record: bytes, most: int = MAX_DEPTH) -> bool:
    """Whether the JSON has brackets enough to nest deeper than that."""
    return len(record) > 2 * most and len(record.split(b"{")) + len(record.split(b"[")) > most + 2
