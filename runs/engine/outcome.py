"""What the end of a run means beyond the run: in the transaction that ends it, by `runs.engine.claim.end_run`.

Two runs that end together keep the habit of both: its row is locked from the look to the write. Two runs of one job,
account and args that end in the same moment (with other destinations, or forced) may leave the earlier failure
unsettled; the next outcome settles it.

A run that completed while an entry of it failed says that something is wrong, and of nothing that it is well: it
settles no failure and no other warning of before, brings no schedule what it waits for, and is no part of the usual.
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import CharField, DateTimeField, OuterRef, QuerySet, Subquery, UUIDField

from runs.engine.keyed_rows import locked_or_made
from runs.engine.shape import MOST_WARNINGS, Sample, data_warnings, failed_steps, sample_of
from runs.habits import SAMPLES_KEPT, Usual, high, low, usual_for
from runs.models import (
    CronTrigger,
    DataWarning,
    EventKind,
    RecordError,
    RunEvent,
    RunHabit,
    RunStatus,
    RunStep,
    SyncJobRun,
    WarningCode,
    steps_of,
)
from runs.models.base import Now
from runs.models.warning import gravest
from runs.prepared import Given, PreparedModels, PreparedUpdate

_ROLLED_UP = ("sample_count", "median_seconds", "p10_seconds", "p90_seconds", "p95_seconds", "median_fetched")
_JOB, _ACCOUNT = Given("job", UUIDField()), Given("account", UUIDField())
_DUE = PreparedUpdate(lambda: due_slots(_JOB, _ACCOUNT), completion_due_at=None)


def _before() -> QuerySet[SyncJobRun]:
    of = (Given("args_hash", CharField()), Given("created_at", DateTimeField()))
    return SyncJobRun.objects.superseded_by(_JOB, _ACCOUNT, *of)


_SUPERSEDED = PreparedUpdate(_before, superseded_at=Now())
_LIKE_SUPERSEDED = PreparedUpdate(lambda: _before().filter(warning=WarningCode.FAILED), superseded_at=Now())
_HABIT = PreparedModels(
    lambda: (
        RunHabit.objects.select_for_update()
        .filter(sync_job=_JOB, integrated_account=_ACCOUNT, mode=Given("mode", CharField()))
        .order_by()
    )
)
_LEARNT = PreparedUpdate(
    lambda: RunHabit.objects.filter(id=Given("habit", UUIDField())),
    **{name: Given(name, RunHabit._meta.get_field(name)) for name in (*_ROLLED_UP, "samples")},
    updated_at=Now(),
)


def due_slots(job: Any, account: Any) -> QuerySet[CronTrigger]:
    """The schedules that wait for a completed run of this job and account."""
    return CronTrigger.objects.filter(sync_job=job, integrated_account=account, completion_due_at__isnull=False)


def settle_outcome(run: SyncJobRun, *, is_due: bool, has_unsettled: bool) -> None:
    """The run has ended, and is read after that: compare it with the usual, warn, and settle what was before.

    `is_due`: a schedule waits for its completion; `has_unsettled`: there is what its outcome takes the place of.
    """
    if run.status == RunStatus.COMPLETED:
        _learn(run)
        if is_due and not run.has_failed_entries:
            _DUE(job=run.sync_job_id, account=run.integrated_account_id)
    elif run.started_at is not None:
        _compare_time(run, usual_for(run.sync_job_id, run.integrated_account_id, run.mode))
    if run.status in (RunStatus.COMPLETED, RunStatus.FAILED):
        supersede(run, has_unsettled=has_unsettled)


def supersede(run: SyncJobRun, *, has_unsettled: bool = True) -> None:
    """The outcome of this run takes the place of those before it, one with failed entries that of its like alone; one
    that comes late is itself settled already."""
    if has_unsettled:
        of = {"job": run.sync_job_id, "account": run.integrated_account_id}
        settle = _LIKE_SUPERSEDED if run.has_failed_entries else _SUPERSEDED
        settle(**of, args_hash=run.args_hash, created_at=run.created_at)
    if run.is_notable and SyncJobRun.objects.outcomes_after(run).exists():
        SyncJobRun.objects.unsettled().filter(id=run.id).update(superseded_at=Now())


def _learn(run: SyncJobRun) -> None:
    """Compare the run with what is usual, and count it in from then on if all of its entries could be fetched."""
    steps = steps_of(run)
    habit = _locked_habit(run)
    warnings = data_warnings(steps, habit.samples, _reasons(failed_steps(steps)))
    _warn(run, warnings)
    _compare_time(run, Usual.of(habit))
    if not run.has_failed_entries:
        _count_in(run, habit, steps, warnings)


def _reasons(failed: list[RunStep]) -> dict[UUID, str]:
    """What these steps met first, as it was kept: without any secret."""
    if not failed:
        return {}
    first = RecordError.objects.filter(step=OuterRef("pk")).order_by("created_at", "id").values("message")[:1]
    steps = RunStep.objects.filter(pk__in=[step.pk for step in failed[:MOST_WARNINGS]]).order_by()
    return {pk: reason or "" for pk, reason in steps.annotate(reason=Subquery(first)).values_list("pk", "reason")}


def _count_in(run: SyncJobRun, habit: RunHabit, steps: list[RunStep], warnings: list[DataWarning]) -> None:
    elapsed = run.elapsed(run.updated_at)
    seconds = 0.0 if elapsed is None else elapsed.total_seconds()
    sample = sample_of(steps, warnings, seconds=seconds, fetched=run.fetched, persisted=run.persisted)
    samples = [*habit.samples, sample][-SAMPLES_KEPT:]
    _LEARNT(habit=habit.id, samples=samples, **_rolled_up(samples))


def _compare_time(run: SyncJobRun, usual: Usual | None) -> None:
    """Mark the run if it took longer than usual, however it ended: one that is stopped for that counts most."""
    elapsed = run.elapsed(run.updated_at)
    if usual is not None and elapsed is not None and usual.is_exceeded_by(elapsed):
        run.usual_limit = usual.limit
        SyncJobRun.objects.filter(id=run.id).update(usual_limit=usual.limit)


def _locked_habit(run: SyncJobRun) -> RunHabit:
    """The row of the run's job, account and mode, locked until the transaction ends; made if it is the first."""
    of = {"sync_job_id": run.sync_job_id, "integrated_account_id": run.integrated_account_id, "mode": run.mode}
    find = partial(_HABIT.first, job=run.sync_job_id, account=run.integrated_account_id, mode=run.mode)
    return locked_or_made(RunHabit, of, find)


def _rolled_up(samples: list[Sample]) -> dict[str, Any]:
    seconds = [sample["seconds"] for sample in samples]
    return {
        "sample_count": len(samples),
        "median_seconds": median(seconds),
        "p10_seconds": low(seconds, 0.1),
        "p90_seconds": high(seconds, 0.9),
        "p95_seconds": high(seconds, 0.95),
        "median_fetched": int(median(sample["fetched"] for sample in samples)),
    }


def _warn(run: SyncJobRun, warnings: list[DataWarning]) -> None:
    if not warnings:
        return
    run.warning, run.warnings = gravest(warnings), [warning.as_json() for warning in warnings]
    SyncJobRun.objects.filter(id=run.id).update(warning=run.warning, warnings=run.warnings)
    RunEvent.objects.bulk_create(
        RunEvent(run=run, kind=EventKind.WARNING, message=f"{warning.sentence}.") for warning in warnings
    )
