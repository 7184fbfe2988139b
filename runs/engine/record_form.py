"""A fetched record on its way to the store: its id, its canonical bytes and their hash, or why it can't be stored."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson
from django.conf import settings

from runs.connectors import Slices, UnmappedRecord, masked_start
from runs.connectors.deep_records import may_be_deep
from runs.connectors.paths import lookup
from runs.depth import nests_deeper
from runs.hashing import canonical

MAX_ID = 512
EXCERPT = 300
LACKS_ID = ("not_an_object", "no_id")


class StorableRecord(NamedTuple):
    record_id: str
    json: bytes
    content_hash: bytes


@dataclass(frozen=True)
class RefusedRecord:
    """A record that is kept as an error with its reason, while the others are stored.

    It is quarantined, unless it `holds_date`: then the next run has to fetch it again (contract 3.5).
    """

    record_id: str
    code: str
    reason: str
    excerpt: str
    holds_date: bool = False

    @property
    def sentence(self) -> str:
        return f"{self.record_id or 'A record'} {self.reason}"


Form = StorableRecord | RefusedRecord


class _Refusal(Exception):
    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason


def prepared(record: Any, id_path: str, *, is_plain: bool = False) -> Form:
    """The record ready to be stored under the id at the path, or the reason why it is refused.

    `is_plain`: it is known to hold no number beyond JSON and no NUL.
    """
    record_id = ""
    try:
        record_id = _record_id(record, id_path)
        body = _body(record, is_plain=is_plain)
    except _Refusal as refusal:
        return RefusedRecord(record_id, refusal.code, refusal.reason, _excerpt(record))
    return StorableRecord(record_id, body, blake2b(body, digest_size=16).digest())


def prepared_slices(slices: Slices, id_path: str) -> list[Form]:
    """The same of records that are kept as they came, and known to be plain."""
    most = settings.RECORD_BYTES
    return [
        StorableRecord(record_id, body, blake2b(body, digest_size=16).digest())
        if (record_id := _usual_id(value)) and len(body) <= most
        else prepared(orjson.loads(body), id_path)
        for body, value in zip(slices, slices.ids, strict=True)
    ]


def _usual_id(value: Any) -> str:
    """The id as text, if it is one that needs no look; else empty."""
    if type(value) is int:
        return str(value)
    return value if type(value) is str and len(value) <= MAX_ID and value.isascii() and "\0" not in value else ""


def unmapped(failed: UnmappedRecord, id_path: str) -> RefusedRecord:
    """The error of a record that the mapping failed on; `id_path` leads to the id in the raw one."""
    return fault_of(failed.record, id_path, "mapping_failed", f"can't be mapped: {failed.message}")


def too_deep(record: Any, id_path: str) -> RefusedRecord:
    """The error of a record that nests too deeply to be kept, and of which the rest may be missing."""
    return RefusedRecord(_known_id(record, id_path), "too_deep", _too_deep(), _excerpt(record))


def _too_deep() -> str:
    return f"is nested deeper than {settings.RECORD_DEPTH} levels."


def fault_of(record: Any, id_path: str, code: str, reason: str) -> RefusedRecord:
    """The error of a record that holds the date: it was read, but something that it needs went wrong."""
    return RefusedRecord(_known_id(record, id_path), code, storable_text(reason), _excerpt(record), holds_date=True)


def _known_id(record: Any, id_path: str) -> str:
    """The record's id; empty if it has none that is usable."""
    try:
        return _record_id(record, id_path)
    except _Refusal:
        return ""


def _record_id(record: Any, id_path: str) -> str:
    if not isinstance(record, dict):
        raise _Refusal("not_an_object", f"is no object but a {type(record).__name__}.")
    return _id_text(lookup(record, id_path), id_path)


def _id_text(value: Any, id_path: str) -> str:
    """The id as text. 1 and 1.0 are the same JSON number (RFC 8259, section 6), so both are "1"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    usable = isinstance(value, str | int) and not isinstance(value, bool)
    text = storable_text(_digits(value)) if usable else ""
    if not text:
        raise _Refusal("no_id", f"has no usable id at {id_path}.")
    if len(text) > MAX_ID:
        raise _Refusal("id_too_long", f"has an id of {len(text)} characters; at most {MAX_ID} are kept.")
    return text


def _digits(value: str | int) -> str:
    try:
        return str(value)
    except ValueError as error:  # Python refuses to print integers of over 4,300 digits
        raise _Refusal("id_too_long", "has a number of thousands of digits as its id.") from error


def _body(record: Any, *, is_plain: bool) -> bytes:
    try:
        body = canonical(record)
    except (ValueError, RecursionError):
        body = _cleaned_body(record)
    if not is_plain and b"null" in body and _exceeds_json(record):  # null is written for NaN and the infinities
        raise _Refusal("not_json", "holds a number that JSON can't express.")
    if not is_plain and b"\\u0000" in body:
        body = _cleaned_body(record)
    if len(body) > settings.RECORD_BYTES:
        raise _Refusal("too_large", f"is {len(body)} bytes long; at most {settings.RECORD_BYTES} are stored.")
    if may_be_deep(body, settings.RECORD_DEPTH) and nests_deeper(record, settings.RECORD_DEPTH):
        raise _Refusal("too_deep", _too_deep())
    return body


def _exceeds_json(value: Any) -> bool:
    """Whether it holds NaN or an infinity. Looked at as it is: what is read back of a long integer is another number,
    or none at all."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, float) and not math.isfinite(part):
            return True
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return False


def _cleaned_body(record: Any) -> bytes:
    """Without the characters that PostgreSQL can't hold (NUL, lone surrogates)."""
    try:
        return canonical(cleaned(record))
    except RecursionError as error:
        raise _Refusal("too_deep", _too_deep()) from error
    except ValueError as error:
        raise _Refusal("not_json", "holds a number that JSON can't express.") from error


def cleaned(value: Any) -> Any:
    """The value as the JSON columns of all databases take it: cleaned texts, null for NaN and the infinities."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): cleaned(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def storable_text(text: str) -> str:
    """The text without the characters that PostgreSQL can't hold: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _excerpt(record: Any) -> str:
    try:
        return masked_start(storable_text(json.dumps(record, ensure_ascii=False)), EXCERPT)
    except (ValueError, RecursionError):
        return ""
