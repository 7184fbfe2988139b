"""All that the page of one job shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from dashboard.charts import DurationBars, duration_bars
from dashboard.live import version_of
from dashboard.plan_lines import PlanView
from dashboard.run_lines import RunLine, named, run_lines
from dashboard.schedule_lines import ScheduleLine, schedule_lines, triggers_named
from runs.errors import Failure
from runs.models import CronTrigger, SyncJob, SyncJobRun, User
from runs.services import ArgField, args_fields, job_failures, job_plan

SHOWN_BARS = 30
SHOWN_RUNS = 10
SHOWN_SCHEDULES = 5


@dataclass(frozen=True)
class JobPage:
    """Read lazily: an answer to a poll loads the runs and no more."""

    job: SyncJob
    reader: User
    now: datetime

    @classmethod
    def of(cls, job: SyncJob, reader: User) -> JobPage:
        return cls(job, reader, timezone.now())

    @cached_property
    def plan(self) -> PlanView:
        return PlanView.of(job_plan(self.job))

    @cached_property
    def failures(self) -> list[Failure]:
        """Why its runs would be refused: its integration may have changed since it was saved."""
        return job_failures(self.job.environment, {}, self.job)

    @cached_property
    def args(self) -> list[ArgField]:
        return args_fields(self.job.args_schema)

    @cached_property
    def _latest_runs(self) -> list[SyncJobRun]:
        """Newest first, of all accounts."""
        runs = named(SyncJobRun.objects.filter(sync_job=self.job.pk)).defer("args", "resources")
        return list(runs.order_by("-created_at", "-id")[:SHOWN_BARS])

    @cached_property
    def bars(self) -> DurationBars:
        return duration_bars(self._latest_runs[::-1], self.now)

    @cached_property
    def lines(self) -> list[RunLine]:
        return run_lines(self._latest_runs[:SHOWN_RUNS], self.now)

    @property
    def is_live(self) -> bool:
        return any(run.is_live for run in self._latest_runs)

    @cached_property
    def version(self) -> str:
        """Of the latest runs, apart from times that the browser counts on by itself."""
        return version_of(
            *(f"{run.pk}{run.status}" for run in self._latest_runs), *(line.version for line in self.lines)
        )

    @cached_property
    def _first_schedules(self) -> list[ScheduleLine]:
        """The armed ones first, in the order of their slots; one more than is shown."""
        triggers = triggers_named(CronTrigger.objects.live().filter(sync_job=self.job.pk))
        in_order = triggers.order_by("-is_active", "next_run_at", "id")
        return schedule_lines(in_order[: SHOWN_SCHEDULES + 1], self.now)

    @property
    def schedules(self) -> list[ScheduleLine]:
        return self._first_schedules[:SHOWN_SCHEDULES]

    @property
    def has_more_schedules(self) -> bool:
        return len(self._first_schedules) > SHOWN_SCHEDULES
