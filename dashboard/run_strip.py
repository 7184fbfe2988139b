"""The run among the others of its account and job: those before it, and the next ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboard.charts import DurationBars, duration_bars
from runs.comparison import after, before, same_account_and_job
from runs.models import RunStatus, SyncJobRun

SHOWN = 30
LATER = 14  # of them, where there are as many: the run then stands in the middle


@dataclass(frozen=True)
class Strip:
    """`older` and `newer` are the runs before and after it, the nearest first; thirty of all are drawn."""

    run: SyncJobRun
    older: list[SyncJobRun]
    newer: list[SyncJobRun]

    @classmethod
    def around(cls, run: SyncJobRun) -> Strip:
        same = same_account_and_job(run).defer("args", "resources")
        newer = same.filter(after(run)).order_by("created_at", "id")[: SHOWN - 1]
        older = same.filter(before(run)).order_by("-created_at", "-id")[: SHOWN - 1]
        return cls(run, list(older), list(newer))

    @property
    def runs(self) -> list[SyncJobRun]:
        """Those that are drawn, the oldest first."""
        later = min(len(self.newer), max(LATER, SHOWN - 1 - len(self.older)))
        return [*self.older[: SHOWN - 1 - later][::-1], self.run, *self.newer[:later]]

    @property
    def previous(self) -> SyncJobRun | None:
        return self.older[0] if self.older else None

    @property
    def next(self) -> SyncJobRun | None:
        return self.newer[0] if self.newer else None

    @property
    def last_good(self) -> SyncJobRun | None:
        """The last one of those before it that completed, with no entry failed."""
        completed = (run for run in self.older if run.status == RunStatus.COMPLETED)
        return next((run for run in completed if not run.has_failed_entries), None)

    @property
    def is_all_there_was(self) -> bool:
        """Whether no run further back can be the last good one."""
        return self.last_good is not None or len(self.older) < SHOWN - 1

    def bars(self, now: datetime) -> DurationBars:
        return duration_bars(self.runs, now)
