"""A run as a line of a list: the run, its mark, and what its note column has to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from django.db.models import QuerySet

from dashboard.live import version_of
from dashboard.marks import Mark, awaits_daemon, run_mark
from dashboard.usual_bar import UsualBar, usual_bar
from runs.filters import NOT_ON_A_LINE
from runs.habits import Usual
from runs.models import Action, Daemon, SyncJobRun


@dataclass(frozen=True)
class RunLine:
    """`waits_in_vain`: it waits for a daemon of a group of which none is alive."""

    run: SyncJobRun
    mark: Mark
    waits_in_vain: bool
    took: timedelta | None
    bar: UsualBar | None

    @property
    def may_stop(self) -> bool:
        return self.run.can(Action.STOP) and not self.run.is_stopping

    @property
    def may_rerun(self) -> bool:
        return self.run.can(Action.RERUN)

    @property
    def lacks(self) -> int:
        """How many of the fetched records were not persisted; known once the run has ended."""
        return 0 if self.run.is_live else self.run.fetched - self.run.persisted

    @property
    def exceeds(self) -> timedelta | None:
        """The limit of what is usual that the run is over, or was over when it ended."""
        return self.bar.exceeds if self.bar else self.run.usual_limit

    @property
    def version(self) -> str:
        """Changes whenever the line reads otherwise, apart from times that the browser counts on by itself."""
        run = self.run
        return version_of(
            run.status, self.mark.kind, self.waits_in_vain, run.fetched, run.persisted, run.error_count,
            run.rate_limited_until, run.attempt, self.bar,
        )  # fmt: skip


def named(runs: QuerySet[SyncJobRun]) -> QuerySet[SyncJobRun]:
    """With what a line names: job, account and integration; without the columns that no line shows."""
    return runs.select_related("sync_job", "integrated_account__integration").defer(*NOT_ON_A_LINE)


def run_lines(
    runs: Iterable[SyncJobRun], now: datetime, usual: Mapping[UUID, Usual] = MappingProxyType({})
) -> list[RunLine]:
    """The lines of these runs, with one query at most: for the living daemons, if any run waits for one.

    Those that `usual` tells of by their ids are compared with it.
    """
    runs = list(runs)
    waiting = {run.pk for run in runs if awaits_daemon(run, now)}
    alive = Daemon.objects.living_groups() if waiting else set()
    return [_line(run, run.pk in waiting and run.queue_group not in alive, usual.get(run.pk), now) for run in runs]


def _line(run: SyncJobRun, waits_in_vain: bool, usual: Usual | None, now: datetime) -> RunLine:
    took = run.elapsed(now)
    return RunLine(run, run_mark(run, now), waits_in_vain, took, usual_bar(run, took, usual))
