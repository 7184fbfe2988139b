"""What a run's end leaves on its account: how fresh the data is now, and one more ending on that day.

Guarantee: within the transaction that ends the run, so that an ending is counted once or not at all. Ends may be
committed in another order than they happened: a later one is never overwritten by an earlier one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, F, Model, Q, Value, When
from django.utils import timezone

from runs.models import AccountDay, AccountFreshness, Ending, JobFreshness, RunStatus, SyncJobRun, ending_of

DAYS_KEPT = timedelta(days=90)


def note_end(run: SyncJobRun) -> None:
    """The run, read after its end, is counted on its account.

    Always in this order: ends of the same account wait for each other at the first row, and never in a ring.
    """
    ended_at = run.finished_at
    assert ended_at is not None  # noqa: S101 - for the type checker: it has ended
    ending = ending_of(run)
    account = {"account_id": run.integrated_account_id}
    of_job = {**account, "sync_job_id": run.sync_job_id}
    noted = _endings(run, ending, ended_at)
    _put(AccountFreshness, account, noted)
    _put(JobFreshness, of_job, noted)
    _put(AccountDay, {**account, "day": ended_at.astimezone(UTC).date()}, {ending.value: F(ending.value) + 1})


def forget_old_days() -> int:
    """Remove the days that no strip shows any more; how many rows that was."""
    last = (timezone.now() - DAYS_KEPT).date()
    return AccountDay.objects.filter(day__lt=last).delete()[0]


def _endings(run: SyncJobRun, ending: Ending, at: datetime) -> dict[str, Any]:
    """The columns of `Endings`, each as it is or as this end has it, whichever is later."""
    last = {"last_ended_at": at, "last_ending": ending.value, "last_run_id": run.id}
    noted = {name: _if_later("last_ended_at", at, name, value) for name, value in last.items()}
    if run.status == RunStatus.COMPLETED:
        noted["last_completed_at"] = _if_later("last_completed_at", at, "last_completed_at", at)
    return noted


def _if_later(time: str, at: datetime, name: str, value: Any) -> Case:
    return Case(When(Q(**{time: None}) | Q(**{f"{time}__lte": at}), then=Value(value)), default=F(name))


def _put(model: type[Model], key: dict[str, Any], changes: dict[str, Any]) -> None:
    """Change the row of this key, which is made if missing: one statement for all but the first end."""
    rows = model._default_manager.filter(**key)
    if not rows.update(**changes):
        model._default_manager.bulk_create([model(**key)], ignore_conflicts=True)
        rows.update(**changes)
