"""All that the page of one run shows, part by part, each with a version of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.db.models import Manager
from django.utils import timezone

from dashboard.charts import DurationBars, duration_bars
from dashboard.live import version_of
from dashboard.marks import Mark, awaits_daemon, run_mark, step_mark
from runs.habits import Estimate, usual_for
from runs.keyset import Page, keyset_page
from runs.models import Action, Daemon, RecordError, RunEvent, RunStatus, RunStep, StepStatus, SyncJobRun, User

PARTS = ("summary", "entries", "facts", "events", "errors")
LINES = 50
SHOWN_RERUNS = 5
SHOWN_BARS = 30


@dataclass(frozen=True)
class StepLine:
    """An entry of the run. `depth`: how many entries it depends on, one above the other."""

    step: RunStep
    mark: Mark
    depth: int
    took: timedelta | None

    @property
    def started(self) -> bool:
        return self.step.status != StepStatus.PENDING

    @property
    def shows_progress(self) -> bool:
        """Whether there are several requests, and it is known how many."""
        return self.step.status == StepStatus.RUNNING and (self.step.request_total or 0) > 1


@dataclass(frozen=True)
class RunPage:
    """Read lazily: an answer to a poll loads what it needs to see that nothing has changed, and no more."""

    run: SyncJobRun
    reader: User
    now: datetime

    @classmethod
    def of(cls, run: SyncJobRun, reader: User) -> RunPage:
        return cls(run, reader, timezone.now())

    @cached_property
    def mark(self) -> Mark:
        return run_mark(self.run, self.now)

    @cached_property
    def steps(self) -> list[RunStep]:
        return list(self.run.steps.all())

    @cached_property
    def lines(self) -> list[StepLine]:
        by_id = {step.pk: step for step in self.steps}
        return [StepLine(step, step_mark(step, self.run), _depth(step, by_id), self._took(step)) for step in self.steps]

    @cached_property
    def finished_steps(self) -> int:
        return sum(step.status == StepStatus.COMPLETED for step in self.steps)

    @cached_property
    def current_step(self) -> RunStep | None:
        """The entry at work; of several the last, for children run while their parent waits."""
        return next((step for step in reversed(self.steps) if step.status == StepStatus.RUNNING), None)

    @cached_property
    def events(self) -> Page[RunEvent]:
        return keyset_page(self.run.events.all(), None, LINES)

    @cached_property
    def errors(self) -> Page[RecordError]:
        return keyset_page(self.run.record_errors.all(), None, LINES)

    @cached_property
    def reruns(self) -> list[SyncJobRun]:
        return list(self.run.reruns.order_by("created_at").only("id", "status", "created_at")[:SHOWN_RERUNS])

    @cached_property
    def duration_bars(self) -> DurationBars:
        """Of this run and those of the same account and job before and after it, the last ones."""
        same = SyncJobRun.objects.filter(
            sync_job=self.run.sync_job_id, integrated_account=self.run.integrated_account_id
        )
        latest = same.order_by("-created_at", "-id").defer("args", "resources")[:SHOWN_BARS]
        return duration_bars(list(latest)[::-1], self.now)

    @cached_property
    def waits_in_vain(self) -> bool:
        return awaits_daemon(self.run, self.now) and self.run.queue_group not in Daemon.objects.living_groups()

    @cached_property
    def estimate(self) -> Estimate | None:
        """What the run may still take; None unless it is at work and enough runs like it have completed."""
        if self.run.status != RunStatus.RUNNING:
            return None
        usual = usual_for(self.run.sync_job_id, self.run.integrated_account_id, self.run.mode)
        return None if usual is None else usual.estimate(self.run, self.now)

    @property
    def elapsed(self) -> timedelta | None:
        return self.run.elapsed(self.now)

    @property
    def queued_for(self) -> timedelta | None:
        """From creation to the first start; for a run that never started, to its end."""
        until = self.run.started_at or self.run.finished_at
        return None if until is None else until - self.run.created_at

    @property
    def may_stop(self) -> bool:
        return self.reader.can_operate and self.run.can(Action.STOP) and not self.run.is_stopping

    @property
    def may_force_stop(self) -> bool:
        return self.run.can(Action.FORCE_STOP, self.now) and self.reader.can_operate  # asked last: it may cost queries

    @property
    def may_rerun(self) -> bool:
        return self.reader.can_operate and self.run.can(Action.RERUN)

    @cached_property
    def versions(self) -> dict[str, str]:
        """By what each part shows, apart from times that the browser counts on by itself."""
        run = self.run
        entries = version_of(run.status, *(_shown(step) for step in self.steps))
        counts = (run.fetched, run.persisted, run.error_count, run.rate_limited_until, run.daemon_id)
        return {
            "summary": version_of(
                entries, self.mark.kind, self.waits_in_vain, self.may_force_stop, *counts, *self._standing
            ),
            "entries": entries,
            "facts": version_of(run.updated_at, run.status),
            "events": version_of(_latest(run.events)),
            "errors": version_of(_latest(run.record_errors)),
        }

    @property
    def _standing(self) -> tuple[object, ...]:
        """How it compares with the usual, and whether it is settled."""
        return (self.estimate and self.estimate.is_longer, self.run.superseded_at, self.run.acknowledged_at)

    def _took(self, step: RunStep) -> timedelta | None:
        if step.started_at is None:
            return None
        return (step.finished_at or self.run.finished_at or self.now) - step.started_at


def _shown(step: RunStep) -> tuple[object, ...]:
    counts = (step.fetched, step.persisted, step.error_count, step.position, step.request_total)
    return (step.status, *counts, step.started_at, step.finished_at, step.previous_run_date)


def _latest(history: Manager[RunEvent] | Manager[RecordError]) -> UUID | None:
    return history.order_by("-created_at", "-id").values_list("id", flat=True).first()


def _depth(step: RunStep, by_id: dict[UUID, RunStep]) -> int:
    depth = 0
    while step.parent_id is not None:
        step, depth = by_id[step.parent_id], depth + 1
    return depth
