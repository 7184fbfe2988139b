"""Runs brought to a state as a daemon or a person would, by the rows that they write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from runs.engine.outcome import supersede
from runs.models import Daemon, DaemonStatus, DataWarning, RunEvent, RunStatus, SyncJobRun
from runs.models.run_state import OUTCOMES

FAILURE = {"code": "request_failed", "message": "the source answered 500.", "resource": "cities", "method": "list"}


def change(run: SyncJobRun, **values: Any) -> SyncJobRun:
    """The run with these values, as another process would have written them."""
    SyncJobRun.objects.filter(pk=run.pk).update(**{"updated_at": timezone.now(), **values})
    run.refresh_from_db()
    return run


def running(run: SyncJobRun, **over: Any) -> SyncJobRun:
    now = timezone.now()
    lease = {"lease_until": now + timedelta(minutes=1), "lease_token": run.pk, "daemon_id": "d1", "attempt": 1}
    return change(run, **{"status": RunStatus.RUNNING, "started_at": now, **lease, **over})


def ended(run: SyncJobRun, status: RunStatus, **over: Any) -> SyncJobRun:
    """The run at its end, with what that means for those before it."""
    now = timezone.now()
    gone = {"lease_until": None, "lease_token": None, "started_at": now - timedelta(seconds=90)}
    change(run, **{"status": status, "finished_at": now, **gone, **over})
    if status in OUTCOMES:
        supersede(run)
        run.refresh_from_db()
    return run


def warned(run: SyncJobRun, *warnings: DataWarning, **over: Any) -> SyncJobRun:
    """The run completed, with these warnings; without any, with one of countries that are not there."""
    told = [warning.as_json() for warning in warnings or [DataWarning("zero", "countries", 0, 252)]]
    return ended(run, RunStatus.COMPLETED, warning=told[0]["code"], warnings=told, **over)


def failed(run: SyncJobRun, **over: Any) -> SyncJobRun:
    return ended(run, RunStatus.FAILED, **{"error": FAILURE, **over})


def tell(run: SyncJobRun, message: str) -> RunEvent:
    return RunEvent.objects.create(run=run, kind="started", message=message)


def daemon(group: str = "default", *, silent_for: int = 0, **over: Any) -> Daemon:
    heard = timezone.now() - timedelta(seconds=silent_for)
    values = {"daemon_id": f"d-{group}", "group_key": group, "status": DaemonStatus.ACTIVE, "last_active_at": heard}
    return Daemon.objects.create(**{**values, **over})
