"""The values that a run's placeholders see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runs.models import SyncJobRun


def wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as all times leave Syncdeck (contract 1)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run_root(run: SyncJobRun) -> dict[str, Any]:
    """What `{{sync_job_run.*}}` sees."""
    return {
        "id": str(run.id),
        "sync_job_id": str(run.sync_job_id),
        "integrated_account_id": str(run.integrated_account_id),
        "created_at": wire_time(run.created_at),
        "started_at": wire_time(run.started_at or run.created_at),
    }
