"""The audit list as files: CSV for spreadsheets, JSON Lines for programs. Written line by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from runs.models import AuditEntry, Environment
from runs.spreadsheets import harmless
from runs.wire import known_time

COLUMNS = (
    *("created_at", "actor", "ip", "environment", "action", "target_type", "target_id", "target_label"),
    *("reason", "details"),
)


class _Echo:
    """Hands each line that is written to it straight back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in _rows(entries):
        yield writer.writerow([_cell(row[name]) for name in COLUMNS])


def json_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    for row in _rows(entries):
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _rows(entries: Iterable[AuditEntry]) -> Iterator[dict[str, Any]]:
    names = dict(Environment.objects.values_list("pk", "name"))
    for entry in entries:
        row = {name: getattr(entry, name) for name in COLUMNS if name != "environment"}
        environment = names.get(entry.environment_id) if entry.environment_id else None
        yield {**row, "environment": environment, "created_at": known_time(entry.created_at)}


def _cell(value: Any) -> str:
    return harmless(json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value or ""))
