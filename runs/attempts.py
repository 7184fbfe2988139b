"""The attempts of a run: from one daemon that took it to the next that had to take over.

A takeover writes what the lost daemon had come to into its event (`runs.engine.claim`); a run's totals are over all
attempts, and what is left of them is the last one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

from runs.models import EventKind, RunEvent, SyncJobRun

MOST = 50
_COUNTS = ("fetched", "persisted", "error_count")


@dataclass(frozen=True)
class Attempt:
    """`is_lost`: its daemon gave no sign of life, last at `silent_since`. Counts are None where nobody noted them."""

    number: int
    daemon_id: str
    began_with: UUID
    started_at: datetime
    ended_at: datetime | None
    is_lost: bool = False
    silent_since: datetime | None = None
    fetched: int | None = None
    persisted: int | None = None
    error_count: int | None = None


def attempts_of(run: SyncJobRun) -> list[Attempt]:
    """The last attempts, the first of them first; none before the start."""
    kinds = [EventKind.STARTED, EventKind.WORKER_LOST]
    latest = run.events.filter(kind__in=kinds).order_by("-created_at", "-id")[:MOST]
    begins = list(latest)[::-1]
    counts = [*map(_noted, begins), {name: getattr(run, name) for name in _COUNTS}]
    first = run.attempt - len(begins) + 1
    return [
        _attempt(run, first + index, begin, end, _gained(*counts[index : index + 2]))
        for index, (begin, end) in enumerate(zip_longest(begins, begins[1:]))
    ]


def _attempt(run: SyncJobRun, number: int, begin: RunEvent, end: RunEvent | None, counts: dict[str, Any]) -> Attempt:
    if end is None:
        return Attempt(number, run.daemon_id or begin.actor, begin.id, begin.created_at, run.finished_at, **counts)
    silent = (end.details or {}).get("silent_since")
    return Attempt(
        number,
        (end.details or {}).get("daemon_id") or begin.actor,
        begin.id,
        begin.created_at,
        end.created_at,
        is_lost=True,
        silent_since=datetime.fromisoformat(silent) if silent else None,
        **counts,
    )


def _noted(event: RunEvent) -> dict[str, Any]:
    """The run's counts when the attempt began."""
    if event.kind == EventKind.STARTED:
        return dict.fromkeys(_COUNTS, 0)
    return {name: (event.details or {}).get(name) for name in _COUNTS}


def _gained(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if before[name] is None or after[name] is None else after[name] - before[name] for name in _COUNTS
    }
