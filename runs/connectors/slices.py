"""The records of a page as the bytes that came, for those who keep them as they are.

Neither parsed nor written again: what is read of each is its id. That is two thirds of what a page costs else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from runs.connectors.deep_records import are_shallow, may_be_deep
from runs.connectors.paths import MISSING
from runs.connectors.reply import Reply
from runs.depth import MAX_DEPTH

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_WHOLE = range(-(2**63), 2**64)  # what lies beyond is a float for the parser of whole bodies, and so another id
_UNREADABLE = (msgspec.DecodeError, RecursionError)  # a ValidationError is a DecodeError


class Slices(list[bytes]):
    """The records of a page. `ids`: what each has for its id, MISSING where there is nothing."""

    def __init__(self, records: Iterable[bytes], ids: Sequence[Any]) -> None:
        super().__init__(records)
        self.ids = ids


def sliced_body(reply: Reply, response_path: str | None, record_id: str, most: int = MAX_DEPTH) -> Any:
    """The parsed body, with slices instead of the records at the path; MISSING where it has to be looked at closely.

    That is a body with anything that a database may not take, with records that are no objects or nest deeper than
    that, or none at the path.
    `record_id` is a key: a path of several would have to be looked up in the parsed record.
    """
    if not reply.is_plain_text:
        return MISSING
    try:
        return _opened(reply.body, response_path, record_id, most)
    except _UNREADABLE:
        return MISSING


def _opened(raw: Any, path: str | None, record_id: str, most: int) -> Any:
    if path is None:
        return _slices(raw, record_id, most)
    parts = _OBJECT.decode(raw)
    key, _, rest = (path, "", "") if path in parts else path.partition(".")
    if key not in parts:
        return MISSING
    inner = _opened(parts.pop(key), rest or None, record_id, most)
    return MISSING if inner is MISSING else {**{name: _parsed(part) for name, part in parts.items()}, key: inner}


def _slices(raw: Any, record_id: str, most: int) -> Any:
    ids = [one.value for one in _ids(record_id).decode(raw)]
    if any(type(one) is int and one not in _WHOLE for one in ids):
        return MISSING
    slices = Slices(map(bytes, _LIST.decode(raw)), ids)
    suspects = [orjson.loads(record) for record in slices if may_be_deep(record, most)]
    return slices if not suspects or are_shallow(suspects, most) else MISSING


def _parsed(raw: msgspec.Raw) -> Any:
    return orjson.loads(memoryview(raw))


@lru_cache(maxsize=256)
def _ids(key: str) -> Any:
    """A decoder of lists of objects that reads nothing but this key of each."""
    one = msgspec.defstruct("Identified", [("value", Any, MISSING)], rename={"value": key})
    return msgspec.json.Decoder(list[one])  # type: ignore[valid-type]  # made here, so no checker knows it
