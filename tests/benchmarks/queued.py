"""What it costs to take one run, and to look for those that nobody took, by how many are queued."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.benchmarks.rows import UUID7, fill

CLAIMS = 300  # at most
SWEEPS = 5


def costs(job: Any, account: Any, waiting: int) -> dict[str, dict[str, float]]:
    """Seconds of a claim (p50, p99), of a sweep and of a wake, with nothing else queued and with so many runs."""
    claims = min(CLAIMS, waiting // 50)
    return {"0": _cost(job, account, claims), str(waiting): _with_queue(job, account, waiting, claims)}


def _with_queue(job: Any, account: Any, waiting: int, claims: int) -> dict[str, float]:
    queue(job, account, waiting)
    return _cost(job, account, claims)


def queue(job: Any, account: Any, waiting: int) -> None:
    """Queued an instant ago, so that the sweep finds all of them and has to tell of none."""
    from django.db import connection

    from runs.models import SyncJobRun

    columns = {
        "id": UUID7.format(at="now()", salt="queue", i="i"),
        "created_at": "now()",
        "updated_at": "now()",
        "environment_id": f"'{job.environment_id}'",
        "sync_job_id": f"'{job.id}'",
        "integrated_account_id": f"'{account.id}'",
        "args_hash": "md5(i::text)",
        "resources": "'[]'::jsonb",
        "destination": "'record_store'",
        "daemon_group_key": "'default'",
        "trigger": "'api'",
        "dispatched_at": "now() + interval '1 hour'",
    }
    fill(SyncJobRun, waiting, columns)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE runs_syncjobrun")  # as the server's own vacuum leaves it


def _cost(job: Any, account: Any, claims: int) -> dict[str, float]:
    from runs.engine.recovery import sweep, wake

    took = sorted(claimed(job, account, number) for number in range(claims))
    looks = {"sweep": sweep, "wake": wake}
    found = {name: min(_seconds(partial(look, ["default"])) for _ in range(SWEEPS)) for name, look in looks.items()}
    return {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], **found}


def claimed(job: Any, account: Any, number: int) -> float:
    """Seconds of the claim of a run that no daemon is told of, and which goes no further."""
    from runs.engine.claim import claim
    from runs.models import RunStatus, RunTrigger
    from runs.services import Origin, RunRequest, create_run

    wish = RunRequest(job, account, args={"number": number}, force=True)
    run = create_run(wish, Origin(RunTrigger.CLI, "a benchmark"), dispatch=False)
    took = _seconds(partial(claim, run.id, "a benchmark"))
    type(run).objects.filter(id=run.id).update(status=RunStatus.STOPPED, finished_at=run.created_at)
    return took


def _seconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
