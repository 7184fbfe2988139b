"""Reading what a step has kept of its records for those that depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Min

from runs.models import StagedParent

ROWS_AT_ONCE = 500


class StagedRow(NamedTuple):
    """`batch` counts the pages of the step; `data` is what placeholders see as `resources`."""

    sequence: int
    batch: int
    data: Any


def staged_rows(step_id: UUID, first: int, at_once: int = ROWS_AT_ONCE) -> Iterator[StagedRow]:
    """The rows from this sequence on, read `at_once` at a time: no cursor stays open over the commits."""
    while True:
        rows = StagedParent.objects.filter(step=step_id, sequence__gte=first).order_by("sequence")
        found = [StagedRow(*row) for row in rows.values_list("sequence", "batch", "data")[:at_once]]
        yield from found
        if len(found) < at_once:
            return
        first = found[-1].sequence + 1


def staged_batches(step_id: UUID, first: int) -> Iterator[StagedRow]:
    """The rows from this batch on."""
    rows = StagedParent.objects.filter(step=step_id, batch__gte=first)
    sequence = rows.aggregate(first=Min("sequence"))["first"]
    if sequence is not None:
        yield from staged_rows(step_id, sequence)
