"""What a run was told to do and what became of it, fact by fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from dashboard.marks import Mark, run_mark
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
        begun = [step for step in steps if step.status != StepStatus.PENDING]
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


def rerun_chain(run: SyncJobRun, now: datetime) -> list[Relative]:
    """What this run repeats, who else repeats that, and what repeats this one; oldest first. Empty without any."""
    related = Q(rerun_of=run.pk)
    if run.rerun_of_id is not None:
        related |= Q(pk=run.rerun_of_id) | Q(rerun_of=run.rerun_of_id)
    found = SyncJobRun.objects.filter(related).order_by("created_at", "id").defer("args", "resources")
    runs = list(found[:SHOWN_RELATIVES])
    if not any(other.pk != run.pk for other in runs):
        return []
    chain = sorted({other.pk: other for other in [*runs, run]}.values(), key=lambda one: (one.created_at, one.pk))
    return [Relative(one, run_mark(one, now), one.pk == run.pk) for one in chain]
