"""Firing the due slots of cron triggers. Any number of schedulers may do it at the same time.

Guarantee: every slot that comes due starts one run, or is skipped for a reason that is told on the trigger; none is
lost, and none fires twice. One conditional UPDATE moves `next_run_at` to the next slot, and commits together with the
run's rows: a crash before it leaves the slot due, after it the run is there, for the sweep to publish. Slots that
were missed while no scheduler ran are made up for by one run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q, Value
from django.db.models.functions import Coalesce

from runs import cron
from runs.database import DATABASE_FAULTS
from runs.dispatch import publish
from runs.engine.events import add_event
from runs.errors import InvalidInput, LiveRunExists
from runs.log_ids import log_ids, tell_ids, tell_run
from runs.models import AccountStatus, CronTrigger, EventKind, RunHabit, RunTrigger, SkipCode, SyncJobRun
from runs.services.runs import Origin, PreparedRun, prepare_run, slot_name, write_run
from runs.services.triggers import disarm, run_request

log = structlog.get_logger(__name__)

AT_ONCE = 200
COMPLETION_GRACE = timedelta(minutes=10)
NEEDS_CREDENTIALS = "The account needs new credentials."
OUR_FAULT = "An unexpected error in Syncdeck; the scheduler's log tells more."
NAMED = ("sync_job__integration", "sync_job__environment", "integrated_account__integration")
UNREAD = ("integrated_account__context", "integrated_account__unified_model_override")


@dataclass(frozen=True)
class Skip:
    """Why a slot passes without a run. `live_run`: the run that was still at it."""

    code: SkipCode
    reason: str
    live_run: UUID | None = None


def fire_due(now: datetime) -> int:
    """Fire every trigger whose slot has come. Returns the number of runs started.

    A trigger that can't be handled is logged and stepped over. Once the broker fails, the rest of the round's runs
    are left to the sweep. Raises DatabaseError or InterfaceError when the database is gone.
    """
    started, broker_answers = 0, True
    for trigger_id in _due(now):
        with log_ids(trigger_id=trigger_id), _faults_stepped_over():
            run = fire(trigger_id, now)
            if run is not None:
                started += 1
                tell_run(run)
                broker_answers = broker_answers and publish(run)
    return started


def fire(trigger_id: UUID, now: datetime) -> SyncJobRun | None:
    """Fire the trigger's slot if it is still due: the new run, or None if it was skipped or another was first."""
    trigger = _armed(now).select_related(*NAMED).defer(*UNREAD).filter(id=trigger_id).first()
    if trigger is None:
        return None
    account = trigger.integrated_account
    tell_ids(job_id=trigger.sync_job_id, account_id=account.id, environment_id=account.environment_id)
    slot = trigger.next_run_at
    decision = _decide(trigger, slot)  # checked here: nothing is parsed within the transaction
    with transaction.atomic():
        if not _move_on(trigger, slot, now):
            return None
        outcome = decision if isinstance(decision, Skip) else _write(decision)
        if isinstance(outcome, Skip):
            _note(trigger, slot, outcome, now)
            return None
        CronTrigger.objects.filter(id=trigger_id).update(last_run=outcome)
    return outcome


def _armed(now: datetime) -> Any:
    return CronTrigger.objects.live().filter(is_active=True, next_run_at__lte=now)


def _due(now: datetime) -> Iterator[UUID]:
    """In the order of their slots, some at a time by key: one that stays due hides none of those behind it."""
    rows, beyond = _armed(now).order_by("next_run_at", "id").values_list("next_run_at", "id"), Q()
    while True:
        found = list(rows.filter(beyond)[:AT_ONCE])
        yield from (trigger_id for _, trigger_id in found)
        if len(found) < AT_ONCE:
            return
        slot, last = found[-1]
        beyond = Q(next_run_at__gt=slot) | Q(next_run_at=slot, id__gt=last)


@contextmanager
def _faults_stepped_over() -> Iterator[None]:
    """One trigger's fault must neither hold up the others nor end the scheduler; a lost database ends the round."""
    try:
        yield
    except Exception as fault:
        lost = connection.connection is None or not connection.is_usable()
        if isinstance(fault, DATABASE_FAULTS) and lost:
            raise
        log.exception("The scheduler steps over a trigger.")


def _decide(trigger: CronTrigger, slot: datetime) -> PreparedRun | Skip:
    if trigger.integrated_account.status == AccountStatus.NEEDS_REAUTH:
        return Skip(SkipCode.REFUSED, NEEDS_CREDENTIALS)
    origin = Origin(RunTrigger.SCHEDULE, trigger.cron_expression, trigger, slot)
    try:
        return prepare_run(run_request(trigger), origin)
    except InvalidInput as refused:
        return Skip(SkipCode.REFUSED, str(refused))
    except Exception:
        log.exception("A trigger's run can't be prepared.")
        return Skip(SkipCode.REFUSED, OUR_FAULT)


def _move_on(trigger: CronTrigger, slot: datetime, now: datetime) -> bool:
    """Set the next slot, beyond all that were missed. False if the slot is fired already, here or elsewhere.

    The latter: a clock that was put back, and a trigger armed since, bring a slot a second time.
    """
    armed = CronTrigger.objects.filter(id=trigger.id, is_active=True, next_run_at=slot)
    upcoming = _upcoming(trigger, max(slot, now))
    due = Coalesce("completion_due_at", Value(_completion_due(trigger, now, upcoming)))
    moved = armed.update(next_run_at=upcoming, is_active=upcoming is not None, completion_due_at=due)
    return bool(moved) and not SyncJobRun.objects.filter(cron_trigger=trigger, scheduled_for=slot).exists()


def _completion_due(trigger: CronTrigger, now: datetime, upcoming: datetime | None) -> datetime:
    """By when a run should have completed: at the next slot, or within a run's longest time where that is earlier.

    Runs that take longer than from slot to slot as a rule are given twice the time that nearly all of them take.
    """
    longest = timedelta(seconds=settings.RUN_TIMEOUT)
    habits = RunHabit.objects.filter(sync_job=trigger.sync_job_id, integrated_account=trigger.integrated_account_id)
    usual = timedelta(seconds=habits.aggregate(most=Max("p95_seconds"))["most"] or 0)
    until_next = longest if upcoming is None else min(upcoming - now, longest)
    return now + max(until_next, 2 * usual) + COMPLETION_GRACE


def _upcoming(trigger: CronTrigger, after: datetime) -> datetime | None:
    """None, which disarms it, for an expression that nobody has checked."""
    try:
        return next(iter(cron.next_slots(trigger.cron_expression, after)), None)
    except cron.BadExpression:
        log.warning("A trigger has no valid expression, and is disarmed.")
        return None


def _write(prepared: PreparedRun) -> SyncJobRun | Skip:
    try:
        return write_run(prepared)
    except LiveRunExists as live:
        return Skip(SkipCode.LIVE_RUN, str(live), live.live_run_id)
    except InvalidInput as refused:
        return Skip(SkipCode.REFUSED, str(refused))


def _note(trigger: CronTrigger, slot: datetime, skip: Skip, now: datetime) -> None:
    """Tell why the slot passed: on the trigger, and in the timeline of the run that was still live."""
    row = CronTrigger.objects.filter(id=trigger.id)
    row.update(last_skipped_at=now, last_skip_code=skip.code, last_skip_reason=skip.reason)
    if skip.live_run is not None:
        message = f"The schedule {trigger.cron_expression} skipped its slot {slot_name(slot)}: this run was still live."
        add_event(skip.live_run, EventKind.SLOT_SKIPPED, message, trigger.cron_expression)
    job, account = trigger.sync_job, trigger.integrated_account
    if job.deleted_at or account.deleted_at or job.integration.deleted_at:
        disarm(row)
