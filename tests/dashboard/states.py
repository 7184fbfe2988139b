"""Runs brought to a state as a daemon or a person would, by the rows that they write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from runs.models import Daemon, DaemonStatus, RunEvent, RunStatus, SyncJobRun

FAILURE = {"code": "request_failed", "message": "the source answered 500.", "resource": "cities", "method": "list"}


def change(run: SyncJobRun, **values: Any) -> SyncJobRun:
    """The run with these values, as another process would have written them."""
    SyncJobRun.objects.filter(pk=run.pk).update(**{"updated_at": timezone.now(), **values})
    run.refresh_from_db()
    return run


def running(run: SyncJobRun, **over: Any) -> SyncJobRun:
    now = timezone.now()
    claim = {"lease_until": now + timedelta(minutes=1), "lease_token": run.pk, "daemon_id": "d1", "attempt": 1}
    return change(run, status=RunStatus.RUNNING, started_at=now, **{**claim, **over})


def ended(run: SyncJobRun, status: RunStatus, **over: Any) -> SyncJobRun:
    now = timezone.now()
    gone = {"lease_until": None, "lease_token": None, "started_at": now - timedelta(seconds=90)}
    return change(run, **{"status": status, "finished_at": now, **gone, **over})


def failed(run: SyncJobRun, **over: Any) -> SyncJobRun:
    return ended(run, RunStatus.FAILED, **{"error": FAILURE, **over})


def tell(run: SyncJobRun, message: str) -> RunEvent:
    return RunEvent.objects.create(run=run, kind="started", message=message)


def daemon(group: str = "default", *, silent_for: int = 0, **over: Any) -> Daemon:
    heard = timezone.now() - timedelta(seconds=silent_for)
    values = {"daemon_id": f"d-{group}", "group_key": group, "status": DaemonStatus.ACTIVE, "last_active_at": heard}
    return Daemon.objects.create(**{**values, **over})
