"""Executing a run, one slice at a time.

A slice ends after `SLICE_SECONDS` so that a deploy never waits for hours and a long run never starves short ones; the
run then goes back to its queue. Whatever ends a slice, the next one starts at the last checkpoint.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from runs.connectors import RateLimited, masking
from runs.crash_points import crash_at
from runs.database import DATABASE_FAULTS
from runs.dispatch import publish
from runs.engine.claim import Claim, LeaseLost, StopRequested, claim
from runs.engine.events import add_event
from runs.engine.limits import limit_account
from runs.engine.recovery import settle_stop
from runs.engine.run_slice import RunSlice
from runs.engine.watch import SliceOver
from runs.errors import ErrorInfo, MissingKey, RunFailed
from runs.log_ids import log_ids, tell_run
from runs.models import EventKind, RunStatus, SyncJobRun

log = structlog.get_logger(__name__)


def execute_slice(run_id: UUID, daemon_id: str) -> None:
    """Claim the run and work on it until it ends, waits, is stopped, or the slice is over.

    Does nothing if the run is not free. Never raises for what the source, the network, a person or the database does.
    """
    with masking(), log_ids(run_id=run_id):
        taken: Claim | None = None
        try:
            taken = claim(run_id, daemon_id)
            if taken is not None:
                tell_run(taken.run)
                log.info("The run is taken.", attempt=taken.run.attempt)
                crash_at("after_claim")
                _work_or_leave(taken)
        except MissingKey as lack:
            log.error("The run is left to a daemon that can read its secrets.", error=str(lack))
        except DATABASE_FAULTS as fault:
            log.exception("The database failed; the run goes on later.")
            connection.close()
            if taken is not None and isinstance(fault, OperationalError | InterfaceError):
                _give_back(taken)


def _give_back(taken: Claim) -> None:
    """The database is in trouble, such as without room on its disk: the run waits, and no daemon counts as lost.

    If not even this can be written, the run is taken over when its lease ends.
    """
    try:
        taken.release(timedelta(seconds=settings.SWEEP_SECONDS), is_limited=False)
    except DATABASE_FAULTS:
        connection.close()


def _work_or_leave(taken: Claim) -> None:
    try:
        _work(taken)
    except LeaseLost:
        _leave(taken)


def _work(taken: Claim) -> None:
    try:
        if taken.run.crashes >= settings.CRASH_CAP:
            crashes = taken.run.crashes
            raise RunFailed(ErrorInfo("worker_lost", f"{crashes} daemons were lost without a page of progress."))
        with RunSlice(taken) as work:
            close = work.run_to_end()
        crash_at("before_completed")
        if not _finish(taken, RunStatus.COMPLETED, close=close):
            taken.check()
        crash_at("after_completed")
    except StopRequested:
        who = SyncJobRun.objects.values_list("stop_requested_by", flat=True).get(id=taken.run_id)
        _finish(taken, RunStatus.STOPPED, f"Stopped by {who or 'request'}.")
    except SliceOver as over:
        if over.wait is not None:
            _park(taken, timedelta(seconds=over.wait))
        elif hand_back(taken):
            publish(SyncJobRun.objects.get(id=taken.run_id))
    except RateLimited as limit:
        limit_account(taken.run_id, limit.seconds)
        _park(taken, timedelta(seconds=limit.seconds))
    except RunFailed as failure:
        _finish(taken, RunStatus.FAILED, failure.info.message, failure.info)
    except MissingKey as lack:
        _finish(taken, RunStatus.FAILED, str(lack), ErrorInfo("missing_key", str(lack)))
    except (*DATABASE_FAULTS, LeaseLost):
        raise
    except Exception:
        log.exception("The run fails by a fault of Syncdeck.")
        info = ErrorInfo("internal_error", "An unexpected error in Syncdeck ended the run; its log tells more.")
        _finish(taken, RunStatus.FAILED, info.message, info)


def _finish(taken: Claim, status: RunStatus, *how: Any, **more: Any) -> bool:
    """False if somebody else has the run or has ended it."""
    ended = taken.finish(status, *how, **more)
    if ended:
        log.info("The run has ended.", status=status.value)
    return ended


def hand_back(taken: Claim, wait: timedelta | None = None) -> bool:
    """Release the run, so that it goes on in a later slice. False if it does not.

    A stop that came since the last look found the run held, so it is carried out here.
    """
    return taken.release(wait) and not settle_stop(taken.run_id)


def _park(taken: Claim, wait: timedelta) -> None:
    """Free the slot; the sweep publishes the run again when the wait is over."""
    with transaction.atomic():
        if not hand_back(taken, wait):
            return
        message = f"The source limits its rate: goes on in {wait.total_seconds():.0f} s."
        add_event(taken.run_id, EventKind.RATE_LIMITED, message, taken.daemon_id)


def _leave(taken: Claim) -> None:
    """The run is another worker's, or over: note it where people look, and write nothing else."""
    log.warning("The lease is lost; this worker leaves the run.")
    if SyncJobRun.objects.filter(id=taken.run_id).exists():
        add_event(taken.run_id, EventKind.LATE_WORKER, f"{taken.daemon_id} came too late and left.", taken.daemon_id)
