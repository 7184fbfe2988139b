"""The values that a run's placeholders see."""

from __future__ import annotations

from typing import Any

from runs.models import SyncJobRun
from runs.wire import known_time


def run_root(run: SyncJobRun) -> dict[str, Any]:
    """What `{{sync_job_run.*}}` sees."""
    return {
        "id": str(run.id),
        "sync_job_id": str(run.sync_job_id),
        "integrated_account_id": str(run.integrated_account_id),
        "created_at": known_time(run.created_at),
        "started_at": known_time(run.started_at or run.created_at),
    }
