"""What a stop or a rerun would mean, for the question before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from runs.models import CronTrigger, RunStatus, RunStep, StepStatus, SyncJobRun

SHOWN_NAMES = 5
FEWEST_SAMPLES = 5  # fewer say nothing about what is usual
LATEST = 20
LOOKED_AT = 60  # runs, to find as many completed ones of one mode: the index gives them in this order


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


@dataclass(frozen=True)
class UsualCost:
    """Medians of the latest completed runs of the same account, job and mode."""

    took: timedelta
    fetched: int


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


def usual_cost(run: SyncJobRun, *, ignore_previous_run: bool) -> UsualCost | None:
    """What such a run usually takes and brings; None while too few have completed to tell."""
    same = SyncJobRun.objects.filter(sync_job=run.sync_job_id, integrated_account=run.integrated_account_id)
    columns = ("status", "ignore_previous_run", "started_at", "finished_at", "fetched")
    found = same.order_by("-created_at", "-id").values_list(*columns)[:LOOKED_AT]
    samples = [
        ((finished - started).total_seconds(), fetched)
        for status, ignored, started, finished, fetched in found
        if status == RunStatus.COMPLETED and ignored == ignore_previous_run and started and finished
    ][:LATEST]
    if len(samples) < FEWEST_SAMPLES:
        return None
    took, fetched = (median(values) for values in zip(*samples, strict=True))
    return UsualCost(timedelta(seconds=took), round(fetched))


def _named(steps: Sequence[RunStep], *statuses: StepStatus) -> Names:
    names = [step.name for step in steps if step.status in statuses]
    return Names(names[:SHOWN_NAMES], len(names))
