"""The Celery tasks. Shells only: an id in, one call. A message that comes twice, late or for nothing is harmless."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.core.management import call_command

from runs.dispatch import CARRY_OUT_BULK, EXECUTE_RUN, SETTLE_STOP
from runs.engine.ahead import AHEAD
from runs.engine.alert_sending import forget_old as forget_old_messages
from runs.engine.deliveries import forget_old as forget_old_deliveries
from runs.engine.freshness import forget_old_days
from runs.engine.recovery import settle_stop as settle
from runs.engine.runner import execute_slice
from runs.services import carry_out, prune_daily
from runs.services import finish_deletions as finish
from runs.services.authorizing import forget_old as forget_old_requests
from runs.services.idempotency import forget_old


@shared_task(name=EXECUTE_RUN, bind=True)
def execute_run(self: Any, run_id: str) -> None:
    """Work on the run for one slice, if it is free; on one that has begun and waits, before."""
    for waiting in AHEAD.of(UUID(run_id)):
        execute_slice(waiting, self.request.hostname)


@shared_task(name=SETTLE_STOP)
def settle_stop(run_id: str) -> None:
    """End a run that was asked to stop and that no daemon holds."""
    settle(UUID(run_id))


@shared_task(name=CARRY_OUT_BULK)
def carry_out_bulk(action_id: str) -> None:
    """Work on the bulk action for a while, if no other worker is at it."""
    carry_out(UUID(action_id))


@shared_task
def finish_deletions() -> None:
    """Stop and erase what a deletion that was cut short has left."""
    finish()


@shared_task
def forget_old_keys() -> None:
    """Remove the answers that were kept for requests with an `Idempotency-Key`."""
    forget_old()


@shared_task
def clear_old_deliveries() -> None:
    """Remove what webhooks and the readers of alerts were sent long ago."""
    forget_old_deliveries()
    forget_old_messages()


@shared_task
def clear_old_days() -> None:
    """Remove how accounts' runs ended on days long ago."""
    forget_old_days()


@shared_task
def clear_expired_sessions() -> None:
    """Remove the sessions of people who have not come back, and their ways to providers."""
    call_command("clearsessions")
    forget_old_requests()


@shared_task
def prune_runs() -> None:
    """Remove the runs that are older than `RUN_DAYS`, and what belongs to them."""
    prune_daily()
