"""All that the page of one record shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.json_view import json_tree
from dashboard.marks import Mark, record_mark
from dashboard.run_lines import RunLine, named, run_lines
from runs.models import Record, SyncJobRun, User

RAW = "remote_data"
LARGEST_COPY = 64 * 1024  # characters: it stands in the page a second time


@dataclass(frozen=True)
class RecordPage:
    record: Record
    reader: User

    @classmethod
    def of(cls, record: Record, reader: User) -> RecordPage:
        return cls(record, reader)

    @property
    def mark(self) -> Mark | None:
        return record_mark(self.record)

    @cached_property
    def text(self) -> str:
        return json.dumps(self.record.data, ensure_ascii=False, separators=(",", ":"))

    @property
    def size(self) -> int:
        """Bytes of the data as JSON."""
        return len(self.text.encode("utf-8", "replace"))

    @property
    def copied(self) -> str:
        """What the copy button takes; empty for a record that is too large for it."""
        return self.text if len(self.text) <= LARGEST_COPY else ""

    @cached_property
    def tree(self) -> SafeString:
        return json_tree(self._without_raw())

    @cached_property
    def raw_tree(self) -> SafeString | None:
        """The raw record of a unified one; None for others."""
        data = self.record.data
        return json_tree(data[RAW]) if self._is_unified and data[RAW] is not None else None

    @cached_property
    def runs(self) -> list[tuple[str, Any, RunLine | None]]:
        """First and last run: words, time, and the run's line, which is None once the run is no longer kept."""
        record = self.record
        lines = self._lines()
        first = (_("First stored"), record.created_at, lines.get(record.first_run_id))
        return [first, (_("Last changed"), record.updated_at, lines.get(record.last_run_id))]

    def _lines(self) -> dict[Any, RunLine]:
        wanted = {self.record.first_run_id, self.record.last_run_id}
        runs = SyncJobRun.objects.filter(pk__in=wanted, environment__in=self.reader.visible_environments())
        return {line.run.pk: line for line in run_lines(named(runs), timezone.now())}

    @property
    def _is_unified(self) -> bool:
        return "/" in self.record.resource and isinstance(self.record.data, dict) and RAW in self.record.data

    def _without_raw(self) -> Any:
        data = self.record.data
        return {name: value for name, value in data.items() if name != RAW} if self._is_unified else data
