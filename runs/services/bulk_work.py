"""Carrying out a bulk action, some runs at a time.

Guarantee: each run is acted on once, whatever becomes of messages and workers. A run's item leaves `pending` by a
conditional UPDATE in the very transaction that stops or reruns it: a crash before the commit leaves it pending, and a
second worker waits for the row and then finds it decided. The lease only keeps a second worker from trying.

Reruns are paced by what the daemons can take, not by the clock: at most `MOST_WAITING` of an action's new runs wait
for a living daemon at any time. Ten thousand at once would stand before every scheduled run in the queue.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from runs.acting import Actor, acting
from runs.database import DATABASE_FAULTS
from runs.dispatch import publish, publish_bulk
from runs.errors import InvalidInput, LiveRunExists, NotAllowed
from runs.log_ids import log_ids, tell_run
from runs.models import (
    Action,
    BulkAction,
    BulkItem,
    BulkKind,
    BulkOutcome,
    BulkStatus,
    Daemon,
    RunStatus,
    SyncJobRun,
)
from runs.models.base import Now
from runs.models.run_queries import of_groups
from runs.services.bulk import finish_bulk
from runs.services.runs import request_stop, rerun

log = structlog.get_logger(__name__)

CHUNK = 50
MOST_WAITING = 50
SLICE_SECONDS = 20.0  # then other messages have their turn
LEASE = timedelta(seconds=60)
ENDED = {"completed": "completed", "failed": "failed", "stopped": "been stopped"}
OUR_FAULT = "An unexpected error in Syncdeck; the daemon's log tells more."
NAMED = ("sync_job__integration", "sync_job__environment", "integrated_account__integration")


def carry_out(action_id: UUID) -> None:
    """Decide the next items of the action, and send for the others. Does nothing if it is done, or in other hands."""
    try:
        action = _claimed(action_id)
        if action is not None:
            _carry_on(action)
    except DATABASE_FAULTS:
        log.exception(
            "The database failed; the bulk action goes on when its lease ends.", bulk_action_id=str(action_id)
        )
        connection.close()


def _carry_on(action: BulkAction) -> None:
    with acting(Actor(action.actor)):
        decided = _work_off(action)
    if finish_bulk(action):
        return
    left = BulkAction.objects.filter(id=action.id).exclude(status=BulkStatus.COMPLETED)
    if left.update(lease_until=None, dispatched_at=None) and decided:
        publish_bulk(action)  # without progress the sweep does it, once daemons have taken of what waits


def _claimed(action_id: UUID) -> BulkAction | None:
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    mine = BulkAction.objects.filter(free, id=action_id).exclude(status=BulkStatus.COMPLETED)
    held = {"lease_until": Now() + LEASE, "started_at": Coalesce("started_at", Now()), "updated_at": Now()}
    if not mine.update(status=BulkStatus.RUNNING, **held):
        return None
    return BulkAction.objects.get(id=action_id)


def _work_off(action: BulkAction) -> int:
    """How many items were decided. One that can't be handled now is stepped over, and tried again later."""
    ends, decided, broker_answers = time.monotonic() + SLICE_SECONDS, 0, True
    for item in _next_items(action):
        if time.monotonic() > ends:
            break
        try:
            new = _decide(action, item)
        except DATABASE_FAULTS:
            log.exception("A bulk action steps over a run.", bulk_action_id=str(action.id), run_id=str(item.run_id))
            if connection.connection is None or not connection.is_usable():
                raise
            continue
        decided += 1
        broker_answers = broker_answers and (new is None or publish(new))
    return decided


def _next_items(action: BulkAction) -> list[BulkItem]:
    pending = action.items.filter(outcome=BulkOutcome.PENDING).order_by("created_at", "id")
    return list(pending[: min(CHUNK, _room(action))])


def _room(action: BulkAction) -> int:
    """How many runs the action may start now. Those of groups without a daemon are in nobody's way."""
    if action.kind == BulkKind.STOP:
        return CHUNK
    mine = action.items.filter(outcome=BulkOutcome.DONE).values("other_run")
    waiting = SyncJobRun.objects.filter(of_groups(Daemon.objects.living_groups()), id__in=mine)
    return max(0, MOST_WAITING - waiting.filter(status=RunStatus.CREATED)[:MOST_WAITING].count())


def _decide(action: BulkAction, item: BulkItem) -> SyncJobRun | None:
    """Act on the item's run and note what became of it, at once or not at all. Returns the run that this started."""
    with transaction.atomic():
        mine = BulkItem.objects.filter(id=item.id)
        if not mine.filter(outcome=BulkOutcome.PENDING).update(outcome=BulkOutcome.DONE, decided_at=Now()):
            return None
        run = SyncJobRun.objects.select_related(*NAMED).get(id=item.run_id)
        outcome, words, other = _act(action, run)
        mine.update(outcome=outcome, words=words, other_run=other)
        column = f"{outcome.value}_count"
        BulkAction.objects.filter(id=action.id).update(**{column: F(column) + 1}, updated_at=Now())
    return other if outcome == BulkOutcome.DONE else None


def _act(action: BulkAction, run: SyncJobRun) -> tuple[BulkOutcome, str, SyncJobRun | None]:
    try:
        with transaction.atomic():
            if action.kind == BulkKind.STOP:
                return _stop(action, run)
            return _rerun(action, run)
    except (NotAllowed, InvalidInput) as refused:
        return BulkOutcome.REFUSED, str(refused), None
    except DATABASE_FAULTS:
        raise
    except Exception:
        with log_ids(bulk_action_id=action.id):
            tell_run(run)
            log.exception("A bulk action can't act on a run.")
        return BulkOutcome.REFUSED, OUR_FAULT, None


def _stop(action: BulkAction, run: SyncJobRun) -> tuple[BulkOutcome, str, SyncJobRun | None]:
    if not run.can(Action.STOP):
        return BulkOutcome.ALREADY, f"It had {ENDED[run.status]} before.", None
    if run.is_stopping:
        return BulkOutcome.ALREADY, f"{run.stop_requested_by or 'Somebody'} had asked it to stop before.", None
    after = request_stop(run, actor=action.actor, reason=action.reason, dispatch=False)
    words = "Asked to stop; it ends at its next page, request or wait." if after.is_live else "Stopped."
    return BulkOutcome.DONE, words, None


def _rerun(action: BulkAction, run: SyncJobRun) -> tuple[BulkOutcome, str, SyncJobRun | None]:
    ignore = action.kind == BulkKind.RERUN_IGNORING
    try:
        new = rerun(run, actor=action.actor, reason=action.reason, ignore_previous_run=ignore, dispatch=False)
    except LiveRunExists as live:
        return BulkOutcome.REFUSED, str(live), SyncJobRun.objects.filter(id=live.live_run_id).exclude(id=run.id).first()
    return BulkOutcome.DONE, "", new
