"""What keeps a run from being written: something of it is gone, or one like it is live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import CharField, QuerySet, UUIDField

from runs.errors import Failure, InvalidInput, LiveRunExists
from runs.models import IntegratedAccount, SyncJob, SyncJobRun, Webhook
from runs.prepared import Given, PreparedModels, PreparedRead


def hold_target(run: SyncJobRun) -> None:
    """Keep the account, and with it the job and the integration, from being deleted before the run is committed.

    Every deletion locks the accounts concerned before it looks for live runs (`runs.services.deletion`): one that
    came first is seen here, one that comes later sees this run. A webhook is locked itself. Raises InvalidInput.
    """
    held = {"integrated_account_id": _HELD_ACCOUNT.first(row=run.integrated_account_id)}
    held["sync_job_id"] = _JOB.first(row=run.sync_job_id)
    if run.webhook_id is not None:
        held["webhook_id"] = _HELD_WEBHOOK.first(row=run.webhook_id)
    failures = [Failure(path, "has been deleted.") for path, row in held.items() if row is None]
    if failures:
        raise InvalidInput(failures)


def _row_of(rows: Callable[[], QuerySet[Any]]) -> PreparedRead:
    return PreparedRead(lambda: rows().filter(id=Given("row", UUIDField())).order_by().values_list("id"))


_HELD_ACCOUNT = _row_of(lambda: IntegratedAccount.objects.live().select_for_update(no_key=True))
_JOB = _row_of(lambda: SyncJob.objects.live().filter(integration__deleted_at=None))
_HELD_WEBHOOK = _row_of(lambda: Webhook.objects.live().select_for_update(no_key=True))


def live_run_like(run: SyncJobRun) -> SyncJobRun | None:
    """The live run of the same job, account, args and destination."""
    same = {"sync_job": run.sync_job_id, "integrated_account": run.integrated_account_id, "args_hash": run.args_hash}
    found: SyncJobRun | None = _LIVE_LIKE.first(**same, destination=run.destination)
    return found


_SAME = {
    "sync_job": UUIDField(),
    "integrated_account": UUIDField(),
    "args_hash": CharField(),
    "destination": CharField(),
}
_LIVE_LIKE = PreparedModels(
    lambda: SyncJobRun.objects.live().filter(**{name: Given(name, field) for name, field in _SAME.items()})[:1]
)


def refuse_second(run: SyncJobRun) -> None:
    """Raises LiveRunExists while another run of its kind is live, unless this one is forced."""
    live = None if run.forced else live_run_like(run)
    if live is not None:
        raise LiveRunExists(live.id)


def refuse_gone(run: SyncJobRun) -> None:
    """Raises InvalidInput if the run that this one repeats was pruned meanwhile."""
    if run.rerun_of_id is not None and not SyncJobRun.objects.filter(id=run.rerun_of_id).exists():
        raise InvalidInput([Failure("rerun_of", "has been removed, for it was old.")])
