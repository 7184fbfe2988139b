"""Records as a file, written while they are read: CSV for spreadsheets, JSON Lines for programs.

Memory stays flat however many there are: `CHUNK` rows at a time, each chunk by key, so that no transaction stays open
while a slow reader takes its time. Rows go by their ids, which are ordered by time: one that is changed meanwhile is
neither repeated nor left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import accumulate, islice
from typing import Any

from runs.models import Record
from runs.models.record import RecordQuerySet
from runs.spreadsheets import harmless
from runs.wire import record_payload, wire_bytes

CHUNK = 500
AT_ONCE = 100  # lines: one at a time, the web server would have more to do than we
CHUNK_BYTES = 4 * 1024 * 1024
SAMPLE = 200
MOST_COLUMNS = 200
OWN_COLUMNS = ("record_id", "resource", "created_at", "updated_at", "deleted_at")
REST = "data"


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"


def exported(rows: RecordQuerySet, form: ExportFormat) -> Iterator[bytes]:
    """The file, piece by piece."""
    records = _by_creation(rows)
    lines = _csv(rows, records) if form == ExportFormat.CSV else _json_lines(records)
    while piece := b"".join(islice(lines, AT_ONCE)):
        yield piece


def data_columns(rows: RecordQuerySet) -> list[str]:
    """The keys of the first records, in the order in which they come up."""
    names: dict[str, None] = {}
    for record in _by_creation(rows, SAMPLE):
        names |= dict.fromkeys(record.data if isinstance(record.data, dict) else ())
        if len(names) >= MOST_COLUMNS:
            break
    return list(names)[:MOST_COLUMNS]


def _json_lines(records: Iterator[Record]) -> Iterator[bytes]:
    """Each record as the API shows it, one a line."""
    for record in records:
        yield wire_bytes(record_payload(record)) + b"\n"


def _csv(rows: RecordQuerySet, records: Iterable[Record]) -> Iterator[bytes]:
    """Our own columns, one for each key of `data_columns` (`data.name`), and what others have as JSON in `data`."""
    names = data_columns(rows)
    yield "\ufeff".encode()  # spreadsheets take the file for UTF-8 by this mark only
    yield _line([*OWN_COLUMNS, *(f"{REST}.{name}" for name in names), REST])
    for record in records:
        yield _line(_cells(record, names))


def _cells(record: Record, names: list[str]) -> list[Any]:
    payload: dict[str, Any] = {**record_payload(record)}
    data = record.data
    if not isinstance(data, dict):
        return [*(payload[name] for name in OWN_COLUMNS), *("" for _ in names), data]
    rest = {key: data[key] for key in data.keys() - set(names)}
    return [*(payload[name] for name in OWN_COLUMNS), *(data.get(name) for name in names), rest or None]


def _line(values: Iterable[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    """A text as it is, all else as JSON."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return wire_bytes(value).decode()
    return harmless(value)


def _by_creation(rows: RecordQuerySet, most: int | None = None) -> Iterator[Record]:
    """Oldest first, as the index `record_list` has them."""
    chunk, left = _chunk(rows, None, most), most
    while chunk:
        yield from chunk
        left = None if left is None else left - len(chunk)
        chunk = _chunk(rows, chunk[-1], left)


def _chunk(rows: RecordQuerySet, last: Record | None, most: int | None) -> list[Record]:
    """The rows after `last`: at most `CHUNK`, fewer where they are large, at least one while there are any."""
    if last is not None:
        rows = rows.filter(id__gt=last.pk)
    limit = CHUNK if most is None else min(CHUNK, most)
    fitting = _within_bytes(list(rows.with_size().order_by("id")[:limit]))
    return list(Record.objects.filter(pk__in=[row.pk for row in fitting]).defer("content_hash").order_by("id"))


def _within_bytes(rows: list[Record]) -> list[Record]:
    """The first ones that fit into `CHUNK_BYTES` together, and the very first in any case."""
    together = accumulate(row.stored_size for row in rows)
    return rows[: max(1, sum(total <= CHUNK_BYTES for total in together))]
