"""Runs that have begun go ahead of those that have not.

Messages are first come, first served: a run whose daemon was lost, whose wait is over or that gave its worker back
after a slice would wait behind all that was asked for meanwhile, for hours where 100,000 runs are queued. So each
daemon looks for such runs every few seconds, and whoever is handed a message takes one of them first. One, and then its
own: long runs must not keep short ones from ever beginning.

Of a pool of processes only the parent has the list; there begun runs wait for their message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from runs.engine.claim import FREE
from runs.models import RunStatus, SyncJobRun
from runs.models.run_queries import of_groups

AT_ONCE = 50  # more than a daemon begins until it looks again


class Ahead:
    """The ids of runs that wait for a worker, the longest waiting first. What others have taken meanwhile is claimed in
    vain, which is cheap."""

    def __init__(self) -> None:
        self._run_ids: deque[UUID] = deque()

    def look(self, groups: Collection[str]) -> None:
        """Learn anew what waits for the daemons of these groups."""
        waiting = _begun(groups).order_by("updated_at").values_list("id", flat=True)
        self._run_ids = deque(waiting[:AT_ONCE])

    def of(self, run_id: UUID) -> Iterable[UUID]:
        """What to work on, in order, when there is a message about this run."""
        try:
            first = self._run_ids.popleft()
        except IndexError:
            return [run_id]
        return [first] if first == run_id else [first, run_id]


def _begun(groups: Collection[str]) -> QuerySet[SyncJobRun]:
    """Index: run_live."""
    return SyncJobRun.objects.filter(FREE, of_groups(groups), status=RunStatus.RUNNING, stop_requested_at=None)


AHEAD = Ahead()
