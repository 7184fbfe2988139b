"""All that the page of one run shows, part by part, each with a version of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import log
from uuid import UUID

from django.utils import timezone

from dashboard.charts import DurationBars
from dashboard.gantt import Gantt, gantt
from dashboard.live import version_of
from dashboard.marks import Mark, awaits_daemon, run_mark
from dashboard.run_deliveries import RunDeliveries
from dashboard.run_entries import MANY, EntryLine, entry_lines, matching
from dashboard.run_facts import Relative, Window, rerun_chain
from dashboard.run_failure import RunFailure
from dashboard.run_strip import Strip
from runs.attempts import Attempt, attempts_of
from runs.comparison import last_good_run
from runs.habits import Estimate, usual_for
from runs.models import Action, Daemon, RunStatus, RunStep, StepStatus, SyncJobRun, User
from runs.quarantine import has_kept_aside
from runs.run_log import LINES, LogFilter, LogLine, LogPage, RunLog
from runs.services import rerun_window

PARTS = ("summary", "failure", "strip", "entries", "gantt", "attempts", "deliveries", "facts", "log")
COMPARED_LINES = 20  # of the log's end: enough to see that something is new
GROWTH = 1.04  # a drawing of a live run is drawn again when its time axis has grown by this factor
OVERLAP = timedelta(seconds=10)  # a line may be committed after a later one
MOST_LINES = 1_000  # on a page that stays open; then it begins again with the last ones


@dataclass(frozen=True)
class RunPage:
    """Read lazily: an answer to a poll loads what it needs to see that nothing has changed, and no more.

    `resource` and `wanted` are what the reader has narrowed the table of resources and the log to.
    """

    run: SyncJobRun
    reader: User
    now: datetime
    resource: str = ""
    wanted: LogFilter = field(default_factory=LogFilter)

    @classmethod
    def of(cls, run: SyncJobRun, reader: User, resource: str = "", wanted: LogFilter | None = None) -> RunPage:
        return cls(run, reader, timezone.now(), resource, wanted or LogFilter())

    @cached_property
    def mark(self) -> Mark:
        return run_mark(self.run, self.now)

    @cached_property
    def steps(self) -> list[RunStep]:
        return list(self.run.steps.defer("cursor"))

    @cached_property
    def all_lines(self) -> list[EntryLine]:
        good_steps = self.last_good.steps.defer("cursor") if self.last_good else ()
        return entry_lines(self.run, self.steps, self.last_good, good_steps, self.now)

    @cached_property
    def lines(self) -> list[EntryLine]:
        return matching(self.all_lines, self.resource)

    @property
    def has_many_entries(self) -> bool:
        return len(self.steps) > MANY

    @cached_property
    def finished_steps(self) -> int:
        return sum(step.status == StepStatus.COMPLETED for step in self.steps)

    @cached_property
    def current_step(self) -> RunStep | None:
        """The entry at work; of several the last, for children run while their parent waits."""
        return next((step for step in reversed(self.steps) if step.status == StepStatus.RUNNING), None)

    @cached_property
    def strip(self) -> Strip:
        return Strip.around(self.run)

    @cached_property
    def duration_bars(self) -> DurationBars:
        return self.strip.bars(self.now)

    @cached_property
    def last_good(self) -> SyncJobRun | None:
        """What its resources are compared with; looked for beyond the strip only where that is full of other runs."""
        return self.strip.last_good if self.strip.is_all_there_was else last_good_run(self.run)

    @cached_property
    def gantt(self) -> Gantt | None:
        return gantt(self.run, self.steps, self.now)

    @cached_property
    def failure(self) -> RunFailure | None:
        return RunFailure.of(self.run) if self.run.status == RunStatus.FAILED else None

    @cached_property
    def attempts(self) -> list[Attempt]:
        """Empty where there was one at most: the facts tell it."""
        return attempts_of(self.run) if self.run.attempt > 1 else []

    @cached_property
    def deliveries(self) -> RunDeliveries | None:
        return RunDeliveries.of(self.run)

    @cached_property
    def window(self) -> Window:
        return Window.of(self.run, self.steps)

    @cached_property
    def rerun_chain(self) -> list[Relative]:
        return rerun_chain(self.strip, self.now)

    @cached_property
    def rerun_from(self) -> datetime | None:
        """From when on a rerun would fetch."""
        return rerun_window(self.run) if self.may_rerun else None

    @cached_property
    def run_log(self) -> RunLog:
        return RunLog(self.run, self.wanted)

    @cached_property
    def has_kept_aside(self) -> bool:
        """Whether records of it were kept aside; not looked for where nothing went wrong."""
        return bool(self.run.error_count) and has_kept_aside(self.run.pk)

    @cached_property
    def log(self) -> LogPage:
        return self.run_log.page()

    def log_after(self, moment: datetime | None, shown: int) -> list[LogLine] | None:
        """The lines to append for a browser that has `shown` lines up to this moment, some of which it may have.

        None: it is to be sent the end of the log afresh, for there is too much of it.
        """
        if moment is None:
            return None
        lines = self.run_log.since(moment - OVERLAP, LINES + 1)
        new = sum(line.created_at > moment for line in lines)
        return lines[-LINES:] if new <= min(LINES, MOST_LINES - shown) else None

    @cached_property
    def log_edge(self) -> datetime | None:
        """When the last line of the log was written."""
        return self._latest[0][0] if self._latest else None

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
        spans = [(step.status, step.started_at, step.finished_at) for step in self.steps]
        return {
            "summary": version_of(
                entries, self.mark.kind, self.waits_in_vain, self.may_force_stop, *counts, *self._standing
            ),
            "failure": version_of(run.status),
            "strip": version_of(self.mark.kind),
            "entries": version_of(entries, self.resource),
            "gantt": version_of(run.status, *spans, self._length),
            "attempts": version_of(run.attempt, run.status, *(counts if run.attempt > 1 else ())),
            "deliveries": self.deliveries.version if self.deliveries else "none",
            "facts": version_of(*_told(run), *(step.previous_run_date for step in self.steps)),
            "log": version_of(*self._latest),
        }

    @cached_property
    def _latest(self) -> list[tuple[datetime, UUID]]:
        """The keys of the log's last lines, the latest first; a whole page has read these lines already."""
        if "log" in self.__dict__ and not self.wanted.params:
            return [(line.created_at, line.id) for line in self.log.lines[: -COMPARED_LINES - 1 : -1]]
        return RunLog(self.run).latest(COMPARED_LINES)

    @property
    def _standing(self) -> tuple[object, ...]:
        """How it compares with the usual, and whether it is settled."""
        return (self.estimate and self.estimate.is_longer, self.run.superseded_at, self.run.acknowledged_at)

    @property
    def _length(self) -> int:
        """The elapsed time in steps of `GROWTH`."""
        seconds = self.elapsed.total_seconds() if self.elapsed else 0
        return int(log(max(seconds, 1), GROWTH))


def _told(run: SyncJobRun) -> tuple[object, ...]:
    moments = (run.started_at, run.finished_at, run.stop_requested_at, run.rate_limited_until, run.resume_at)
    return (run.status, *moments, run.daemon_id, run.attempt)


def _shown(step: RunStep) -> tuple[object, ...]:
    counts = (step.fetched, step.persisted, step.error_count, step.position, step.request_total)
    return (step.status, *counts, step.started_at, step.finished_at, step.previous_run_date)
