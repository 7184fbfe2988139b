"""What a run was told to do and what became of it, fact by fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from dashboard.marks import Mark, run_mark
from dashboard.run_strip import SHOWN, Strip
from runs.models import RunStep, StepStatus, SyncJobRun

SHOWN_RELATIVES = 8


@dataclass(frozen=True)
class Window:
    """Since when the run's resources looked. `since` is the earliest date; None: the beginning, or not known yet.

    `in_full` of the `begun` resources started at the beginning.
    """

    ignores_previous: bool
    since: datetime | None
    latest: datetime | None
    in_full: int
    begun: int

    @classmethod
    def of(cls, run: SyncJobRun, steps: Sequence[RunStep]) -> Window:
        """Of a run that has not begun nothing has, whatever its resources, read a moment later, say."""
        begun = [step for step in steps if run.started_at and step.status != StepStatus.PENDING]
        dates = [step.previous_run_date for step in begun if step.previous_run_date is not None]
        in_full = len(begun) - len(dates)
        return cls(run.ignore_previous_run, min(dates, default=None), max(dates, default=None), in_full, len(begun))

    @property
    def is_full(self) -> bool:
        return self.ignores_previous or (self.begun > 0 and self.in_full == self.begun)


@dataclass(frozen=True)
class Relative:
    """A run of the same chain of reruns."""

    run: SyncJobRun
    mark: Mark
    is_this: bool


def rerun_chain(strip: Strip, now: datetime) -> list[Relative]:
    """What the run repeats, what else repeats that, and what repeats the run; oldest first. Empty without any.

    They are runs of its account and job: only what the strip does not reach is asked for.
    """
    run, near = strip.run, [*strip.older, *strip.newer]
    found = {other.pk: other for other in near if _is_related(other, run)}
    misses_parent = run.rerun_of_id is not None and run.rerun_of_id not in found
    if misses_parent or len(strip.newer) == SHOWN - 1:
        asked = SyncJobRun.objects.filter(Q(rerun_of=run.pk) | Q(pk=run.rerun_of_id)).defer("args", "resources")
        found |= {other.pk: other for other in asked.order_by("created_at", "id")[:SHOWN_RELATIVES]}
    if not found:
        return []
    chain = sorted([*found.values(), run], key=lambda one: (one.created_at, one.pk))
    return [Relative(one, run_mark(one, now), one.pk == run.pk) for one in chain]


def _is_related(other: SyncJobRun, run: SyncJobRun) -> bool:
    is_sibling = run.rerun_of_id is not None and other.rerun_of_id == run.rerun_of_id
    return other.rerun_of_id == run.pk or other.pk == run.rerun_of_id or is_sibling
