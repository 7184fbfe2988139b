"""Records as lines of a table, whose columns are what the records themselves have in common."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from dashboard.marks import Mark, record_mark
from runs.models import Record

MOST_COLUMNS = 4
LARGE = 8 * 1024  # bytes as stored: beyond it a record is shown on its own page only
LONGEST_CELL = 120
# What tells one record from another, for people, before what else there is.
_TELLING = ("name", "title", "subject", "label", "email", "status", "state", "type")


@dataclass(frozen=True)
class RecordLine:
    """`cells` are the texts of the table's columns. `is_large`: its data was not read."""

    record: Record
    cells: list[str]
    is_large: bool
    mark: Mark | None


@dataclass(frozen=True)
class RecordTable:
    columns: list[str]
    lines: list[RecordLine]


def record_table(records: list[Record]) -> RecordTable:
    """The table of these records, which come with their sizes. One query: for the data of those that are not large."""
    small = [record.pk for record in records if record.stored_size <= LARGE]
    data: dict[Any, Any] = dict(Record.objects.filter(pk__in=small).values_list("pk", "data"))
    columns = _columns([(record.record_id, data.get(record.pk)) for record in records])
    return RecordTable(columns, [_line(record, data, columns) for record in records])


def _line(record: Record, data: dict[Any, Any], columns: list[str]) -> RecordLine:
    is_large = record.pk not in data
    value = data.get(record.pk)
    cells = [_cell(value.get(name)) if isinstance(value, dict) else "" for name in columns]
    return RecordLine(record, cells, is_large, record_mark(record))


def _columns(records: list[tuple[str, Any]]) -> list[str]:
    """The keys that most records have with a plain value which is not their id."""
    found: Counter[str] = Counter()
    for record_id, data in records:
        flat = data.items() if isinstance(data, dict) else ()
        found.update(name for name, value in flat if _is_flat(value) and str(value) != record_id)
    ranked = sorted(found, key=lambda name: (_rank(name), -found[name]))
    return ranked[:MOST_COLUMNS]


def _rank(name: str) -> int:
    return _TELLING.index(name) if name in _TELLING else len(_TELLING)


def _is_flat(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
