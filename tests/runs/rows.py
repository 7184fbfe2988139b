"""Many rows at once, written without the services and the engine: for tests of what is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from runs.models import Record, SyncJobRun
from runs.models.run_state import RECORD_STORE, RunStatus, RunTrigger
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def runs(
    count: int, *, start: datetime = NOON, step: timedelta = timedelta(seconds=1), **over: Any
) -> list[SyncJobRun]:
    """`count` runs of one job, created `step` apart from `start` on. A finished status brings its time."""
    account = over.pop("integrated_account", None) or factories.account()
    job = over.pop("sync_job", None) or factories.job(integration=account.integration)
    ended = over.get("status", RunStatus.COMPLETED) in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED)
    values = {
        "environment": account.environment,
        "sync_job": job,
        "integrated_account": account,
        "args_hash": "0" * 64,
        "destination": RECORD_STORE,
        "daemon_group_key": "default",
        "forced": True,
        "trigger": RunTrigger.API,
        "status": RunStatus.COMPLETED,
        "finished_at": start if ended else None,
        **over,
    }
    made = SyncJobRun.objects.bulk_create(SyncJobRun(**values) for _ in range(count))
    for index, run in enumerate(made):
        run.created_at = start + index * step
    SyncJobRun.objects.bulk_update(made, ["created_at"], batch_size=200)
    return made


def record(run: SyncJobRun, **over: Any) -> Record:
    """One record that the run has stored."""
    values = {
        "integrated_account": run.integrated_account,
        "resource": "countries",
        "record_id": "DE",
        "data": {"iso": "DE"},
        "content_hash": b"0" * 16,
        "first_run": run,
        "last_run": run,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Record.objects.create(**{**values, **over})
