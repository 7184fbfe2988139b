"""What a run's end leaves on its account: how fresh the data is now, and one more ending on that day.

Guarantee: within the transaction that ends the run, so that an ending is counted once or not at all. Ends may be
committed in another order than they happened: a later one is never overwritten by an earlier one.

A run with a failed entry makes nothing fresh, whatever its other entries brought: one time stands for all of them.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateField, DateTimeField, Field, UUIDField
from django.utils import timezone

from runs.models import AccountDay, Ending, RunStatus, SyncJobRun, ending_of

DAYS_KEPT = timedelta(days=90)

# In one statement each, whether it is the first end or not; both databases understand it. `excluded` is what this end
# says: of what was last, whichever is later holds.
_ENDINGS = """
    INSERT INTO {table} ({key}, last_completed_at, last_ended_at, last_ending, last_run_id)
    VALUES ({values}, %(completed_at)s, %(at)s, %(ending)s, %(run)s)
    ON CONFLICT ({key}) DO UPDATE SET
      last_completed_at = CASE WHEN excluded.last_completed_at >= {table}.last_completed_at
        OR {table}.last_completed_at IS NULL THEN excluded.last_completed_at ELSE {table}.last_completed_at END,
      last_ended_at = CASE WHEN {later} THEN excluded.last_ended_at ELSE {table}.last_ended_at END,
      last_ending = CASE WHEN {later} THEN excluded.last_ending ELSE {table}.last_ending END,
      last_run_id = CASE WHEN {later} THEN excluded.last_run_id ELSE {table}.last_run_id END"""
_DAY = """
    INSERT INTO runs_accountday (account_id, day, {names}) VALUES (%(account)s, %(day)s, {values})
    ON CONFLICT (account_id, day) DO UPDATE SET {ending} = runs_accountday.{ending} + 1"""
_LATER = "({table}.last_ended_at IS NULL OR {table}.last_ended_at <= excluded.last_ended_at)"


def _endings(table: str, key: str, values: str) -> str:
    return _ENDINGS.format(table=table, key=key, values=values, later=_LATER.format(table=table))


def _day(ending: Ending) -> str:
    counts = {each: int(each == ending) for each in Ending}
    return _DAY.format(ending=ending, names=", ".join(counts), values=", ".join(map(str, counts.values())))


OF_ACCOUNT = _endings("runs_accountfreshness", "account_id", "%(account)s")
OF_JOB = _endings("runs_jobfreshness", "account_id, sync_job_id", "%(account)s, %(job)s")
OF_DAY = {ending: _day(ending) for ending in Ending}


def note_end(run: SyncJobRun) -> None:
    """The run, read after its end, is counted on its account.

    Always in this order: ends of the same account wait for each other at the first row, and never in a ring.
    """
    ended_at = run.finished_at
    assert ended_at is not None  # noqa: S101 - for the type checker: it has ended
    ending, is_fresh = ending_of(run), run.status == RunStatus.COMPLETED and not run.has_failed_entries
    noted = {
        "account": _as(UUIDField(), run.integrated_account_id),
        "job": _as(UUIDField(), run.sync_job_id),
        "run": _as(UUIDField(), run.id),
        "at": _as(DateTimeField(), ended_at),
        "completed_at": _as(DateTimeField(), ended_at if is_fresh else None),
        "ending": ending.value,
        "day": _as(DateField(), ended_at.astimezone(UTC).date()),
    }
    statements = (OF_ACCOUNT, OF_JOB, OF_DAY[ending])
    with connection.cursor() as cursor:
        # PostgreSQL takes them on one way there and back.
        for text in [";".join(statements)] if connection.vendor == "postgresql" else statements:
            cursor.execute(text, noted)


def forget_old_days() -> int:
    """Remove the days that no strip shows any more; how many rows that was."""
    last = (timezone.now() - DAYS_KEPT).date()
    return AccountDay.objects.filter(day__lt=last).delete()[0]


def _as(field: Field[Any, Any], value: Any) -> Any:
    """The value as the database takes it."""
    return field.get_db_prep_value(value, connection=connection)
