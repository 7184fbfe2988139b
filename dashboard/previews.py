"""What a stop would mean, for the question before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runs.models import CronTrigger, RunStep, StepStatus, SyncJobRun

SHOWN_NAMES = 5


@dataclass(frozen=True)
class Names:
    """The first of a list of names, and how many there are."""

    first: list[str]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.first)


@dataclass(frozen=True)
class StopPreview:
    """How far the entries are, and when a schedule starts the same job for this account next."""

    done: Names
    begun: Names
    ahead: Names
    next_slot: datetime | None


def stop_preview(run: SyncJobRun) -> StopPreview:
    steps = list(run.steps.all())
    return StopPreview(
        _named(steps, StepStatus.COMPLETED, StepStatus.FAILED),
        _named(steps, StepStatus.RUNNING),
        _named(steps, StepStatus.PENDING),
        next_slot(run),
    )


def next_slot(run: SyncJobRun) -> datetime | None:
    """When an armed schedule starts the same job for the same account next."""
    armed = CronTrigger.objects.live().filter(is_active=True, next_run_at__isnull=False)
    same = armed.filter(sync_job=run.sync_job_id, integrated_account=run.integrated_account_id)
    return same.order_by("next_run_at").values_list("next_run_at", flat=True).first()


def _named(steps: Sequence[RunStep], *statuses: StepStatus) -> Names:
    names = [step.name for step in steps if step.status in statuses]
    return Names(names[:SHOWN_NAMES], len(names))
