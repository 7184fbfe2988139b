"""The runs that no daemon has taken yet, by the group that they wait for. Bounded: a long queue is not counted out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runs.models import RunStatus, SyncJobRun
from runs.models.run_state import DEFAULT_GROUP

COUNT_CAP = 10_000


@dataclass(frozen=True)
class WaitingGroup:
    """`count` runs of the group `key` wait, the oldest since `since`; `is_more`: beyond those there are others."""

    key: str
    count: int
    since: datetime
    is_more: bool = False

    def age(self, now: datetime) -> timedelta:
        return max(now - self.since, timedelta(0))

    @property
    def shown_count(self) -> str:
        return f"{self.count:,}{'+' if self.is_more else ''}"


def waiting_groups() -> list[WaitingGroup]:
    """The groups in the order of how long their oldest run waits. One query; stops count as ended."""
    waiting = SyncJobRun.objects.filter(status=RunStatus.CREATED, stop_requested_at=None).order_by("created_at")
    rows = list(waiting.values_list("daemon_group_key", "created_at")[: COUNT_CAP + 1])
    found: dict[str, list[datetime]] = {}
    for key, created_at in rows[:COUNT_CAP]:
        found.setdefault(key or DEFAULT_GROUP, []).append(created_at)
    return [WaitingGroup(key, len(times), times[0], len(rows) > COUNT_CAP) for key, times in found.items()]
