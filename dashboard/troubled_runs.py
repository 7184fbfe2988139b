"""The live runs that need a person: silent, stopping for long, or waiting for a daemon that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, Q, QuerySet, TextChoices, Value, When

from dashboard.marks import silent, unclaimed
from runs.models import Daemon, Environment, RunStatus, SyncJobRun
from runs.models.run_queries import of_groups
from runs.models.run_state import DEFAULT_GROUP

SILENT_FOR = timedelta(seconds=30)  # by then another daemon should have taken over
STOPPING_FOR = timedelta(minutes=1)
WAITING_FOR = timedelta(seconds=15)


GROUP_FROM = 3  # fewer that wait for the same are told one by one


class Trouble(TextChoices):
    """Why a live run needs somebody; in the order in which they are shown."""

    SILENT = "silent"
    STOPPING = "stopping"
    WAITING = "waiting"


@dataclass(frozen=True)
class Stuck:
    """Runs with one trouble: one run, or all that wait for a daemon of the same group."""

    trouble: Trouble
    group: str
    run_ids: list[UUID]

    @property
    def is_group(self) -> bool:
        return len(self.run_ids) > 1


def troubled(environments: QuerySet[Environment], now: datetime) -> QuerySet[Any]:
    """The runs in trouble, each with its `trouble`; one query, and one for the daemons.

    A run has one trouble only: a stop that takes too long says more than its silence.
    """
    stopping = Q(stop_requested_at__lt=now - STOPPING_FOR)
    quiet = Q(stop_requested_at=None) & silent(now - SILENT_FOR)
    waiting = Q(stop_requested_at=None) & _waiting_in_vain(now)
    trouble = Case(
        When(stopping, then=Value(Trouble.STOPPING.value)),
        When(quiet, then=Value(Trouble.SILENT.value)),
        default=Value(Trouble.WAITING.value),
    )
    runs = SyncJobRun.objects.live().filter(stopping | quiet | waiting, environment__in=environments)
    return runs.annotate(trouble=trouble)


def stuck_runs(runs: QuerySet[Any], most: int) -> list[Stuck]:
    """The troubles of these runs, those that are silent first; at most so many runs are read. One query."""
    rank = Case(*(When(trouble=trouble.value, then=Value(place)) for place, trouble in enumerate(Trouble)))
    rows = runs.order_by(rank, "created_at", "id").values_list("trouble", "daemon_group_key", "id")[:most]
    found: dict[tuple[str, str], list[UUID]] = {}
    for trouble, group, run_id in rows:
        found.setdefault((trouble, group or DEFAULT_GROUP), []).append(run_id)
    return [
        stuck
        for trouble in Trouble
        for (of, group), ids in found.items()
        if of == trouble
        for stuck in _told(trouble, group, ids)
    ]


def _told(trouble: Trouble, group: str, ids: list[UUID]) -> list[Stuck]:
    if trouble == Trouble.WAITING and len(ids) >= GROUP_FROM:
        return [Stuck(trouble, group, ids)]
    return [Stuck(trouble, group, [run_id]) for run_id in ids]


def _waiting_in_vain(now: datetime) -> Q:
    """Runs that a daemon of their group would begin or go on with, if one were alive."""
    since = now - WAITING_FOR
    waiting = Q(status=RunStatus.CREATED, created_at__lt=since) | unclaimed(since) & Q(updated_at__lt=since)
    return waiting & ~of_groups(Daemon.objects.living_groups())
