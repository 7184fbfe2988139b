"""The table of a run's resources: each entry with its state, its counts, and how it compares with the last good run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dashboard.marks import Kind, Mark, step_mark
from runs.comparison import Change, compared_entries
from runs.models import RunStep, StepStatus, SyncJobRun

MANY = 20  # more have a box to filter them by, and the failed ones first


@dataclass(frozen=True)
class EntryLine:
    """An entry of the run. `depth`: how many entries it depends on, one above the other."""

    step: RunStep
    mark: Mark
    depth: int
    took: timedelta | None
    persists: bool
    versus: Change[int]

    @property
    def started(self) -> bool:
        return self.step.status != StepStatus.PENDING

    @property
    def shows_progress(self) -> bool:
        """Whether there are several requests, and it is known how many."""
        return self.step.status == StepStatus.RUNNING and (self.step.request_total or 0) > 1

    @property
    def unpersisted(self) -> int:
        """How many of the fetched records the store or the webhook did not take, once the entry has ended."""
        is_over = self.step.finished_at is not None
        return max(self.step.fetched - self.step.persisted, 0) if self.persists and is_over else 0


def entry_lines(
    run: SyncJobRun, steps: Sequence[RunStep], good: SyncJobRun | None, good_steps: Iterable[RunStep], now: datetime
) -> list[EntryLine]:
    """In the run's order; of many those that failed come first, without their place under their parents."""
    by_id = {step.pk: step for step in steps}
    compared = {entry.name: entry for entry in compared_entries(run, steps, good, good_steps)}
    lines = [
        EntryLine(
            step=step,
            mark=step_mark(step, run),
            depth=min(_depth(step, by_id), 3),
            took=None if step.started_at is None else (step.finished_at or run.finished_at or now) - step.started_at,
            persists=step.persists,
            versus=compared[step.name].fetched,
        )
        for step in steps
    ]
    if len(lines) <= MANY:
        return lines
    return sorted(lines, key=lambda line: line.mark.kind != Kind.FAILED)


def matching(lines: list[EntryLine], text: str) -> list[EntryLine]:
    """Those whose name or resource contains the text."""
    wanted = text.casefold()
    return [line for line in lines if wanted in f"{line.step.name} {line.step.resource}".casefold()]


def _depth(step: RunStep, by_id: dict[UUID, RunStep]) -> int:
    depth = 0
    while step.parent_id is not None:
        step, depth = by_id[step.parent_id], depth + 1
    return depth
