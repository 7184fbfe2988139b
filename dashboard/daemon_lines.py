"""Daemons as lines of their page, and the groups that lack one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from dashboard.live import version_of
from dashboard.marks import Kind, Mark, daemon_mark
from runs.models import Daemon, Environment, SyncJobRun
from runs.queues import WaitingGroup, waiting_groups

MOST_RUNS = 200  # of all lines together
SHOWN_RUNS = 5  # of a line


@dataclass(frozen=True)
class DaemonLine:
    """`runs` are those of them that the reader may see; `held` counts all that it works on, up to `MOST_RUNS`."""

    daemon: Daemon
    mark: Mark
    runs: list[SyncJobRun]
    held: int

    @property
    def shown_runs(self) -> list[SyncJobRun]:
        return self.runs[:SHOWN_RUNS]

    @property
    def unshown(self) -> int:
        """How many runs are told as a number: beyond those that are shown, and of environments unseen."""
        return self.held - len(self.shown_runs)

    @property
    def is_lost(self) -> bool:
        """It has not said that it ends, and is not heard of."""
        return self.mark.kind == Kind.STALE

    @property
    def is_active(self) -> bool:
        return self.mark.kind == Kind.COMPLETED

    @property
    def version(self) -> str:
        """Changes whenever the line reads otherwise; an active daemon's heartbeat is no change."""
        return version_of(self.daemon.pk, self.mark.kind, self.held, *(run.pk for run in self.shown_runs))


def daemon_lines(daemons: list[Daemon], environments: QuerySet[Environment]) -> list[DaemonLine]:
    """The lines of these daemons; two queries, for what they are at and for what of it the reader may see."""
    held: dict[str, list[SyncJobRun]] = defaultdict(list)
    for run in _held_runs(daemons):
        held[run.daemon_id or ""].append(run)
    seen = set(environments.values_list("pk", flat=True))
    return [_line(daemon, held[daemon.daemon_id], seen) for daemon in daemons]


def lacking_groups() -> list[WaitingGroup]:
    """The groups for which runs wait and of which no daemon is alive."""
    waiting = waiting_groups()
    alive = Daemon.objects.living_groups() if waiting else set()
    return [group for group in waiting if group.key not in alive]


def _line(daemon: Daemon, held: list[SyncJobRun], seen: set[UUID]) -> DaemonLine:
    runs = [run for run in held if run.environment_id in seen]
    return DaemonLine(daemon, daemon_mark(daemon), runs, len(held))


def _held_runs(daemons: list[Daemon]) -> QuerySet[SyncJobRun]:
    names = [daemon.daemon_id for daemon in daemons]
    runs = SyncJobRun.objects.live().filter(daemon_id__in=names, lease_token__isnull=False)
    shown = ("id", "daemon_id", "environment", "sync_job__label", "integrated_account__tenant_id")
    return runs.select_related("sync_job", "integrated_account").only(*shown).order_by("started_at", "id")[:MOST_RUNS]
