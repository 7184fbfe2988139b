"""Who may work on a run: claim, lease and fence.

Guarantee: at most one worker writes to a run. A claim is one conditional UPDATE; it draws a random token, and every
later write of that worker first updates the run's row where the token is still its own, which both proves the
ownership and locks the row until the page's transaction ends. A worker that was taken over finds 0 rows and leaves.

Lease times come from the database's clock, because the hosts' clocks differ.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, NoReturn
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import (
    BooleanField,
    CharField,
    DurationField,
    F,
    JSONField,
    PositiveBigIntegerField,
    PositiveIntegerField,
    Q,
    UUIDField,
)
from django.db.models.functions import Least

from runs.crash_points import crash_at
from runs.engine.ending import FINAL, IS_HEARD, UNHELD, Closing, end
from runs.engine.events import EVENT, event_row
from runs.engine.outbox import announce
from runs.errors import ErrorInfo
from runs.models import EventKind, RunStatus, SyncJobRun
from runs.models.base import Now
from runs.prepared import Given, PreparedModels, PreparedTogether, PreparedUpdate
from runs.wire import wire_time

FREE = Q(status=RunStatus.CREATED) | Q(status=RunStatus.RUNNING) & (
    Q(lease_until=None) & (Q(resume_at=None) | Q(resume_at__lte=Now())) | Q(lease_until__lt=Now())
)
# What a batch adds to the run's row and to its step's.
ADDED = {
    "fetched": F("fetched") + Given("fetched", PositiveBigIntegerField()),
    "persisted": F("persisted") + Given("persisted", PositiveBigIntegerField()),
    "error_count": F("error_count") + Given("errors", PositiveIntegerField()),
}


class LeaseLost(Exception):
    """Control flow: another worker has the run, or it has ended."""


class StopRequested(Exception):
    """Control flow: somebody asked this run to stop."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a run, for as long as its token is the run's. `run`: as it was when it was taken."""

    run_id: UUID
    token: UUID
    daemon_id: str
    run: SyncJobRun = field(compare=False, repr=False)

    def owned(self) -> Any:
        return self._owned

    @cached_property
    def _owned(self) -> Any:
        return owned_by(self.run_id, self.token)

    def hold(self, *, even_stopping: bool = False, **changes: Any) -> None:
        """Write to the run and renew the lease; the row stays locked until the transaction ends.

        Raises LeaseLost or StopRequested, and writes nothing then. `even_stopping`: a stop that has been asked for
        does not matter, because the write notes what has happened already.
        """
        if changes or even_stopping:
            owned = self.owned() if even_stopping else self.owned().filter(stop_requested_at=None)
            held = owned.update(**_lease(), updated_at=Now(), **changes)
        else:
            held = _RENEW(run=self.run_id, token=self.token, lease=timedelta(seconds=settings.LEASE_SECONDS))
        if not held:
            self.give_up()

    def hold_with(self, statement: PreparedTogether | PreparedUpdate, **given: Any) -> None:
        """The same by a `HOLD_WITH_…`, or by a statement that begins with it and writes more beside the run."""
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        if not statement(run=self.run_id, token=self.token, lease=lease, **given):
            self.give_up()

    def give_up(self) -> NoReturn:
        """Raises LeaseLost, or StopRequested where that is why nothing could be written."""
        self.check()
        raise LeaseLost

    def check(self) -> None:
        """Raises LeaseLost or StopRequested where the run is no longer ours to go on with."""
        row = self.owned().values_list("stop_requested_at").first()
        if row is None:
            raise LeaseLost
        if row[0] is not None:
            raise StopRequested

    def release(self, wait: timedelta | None = None, *, is_limited: bool = True) -> bool:
        """Give the run back, to be claimed again at once, or after a wait, which the source asked for if it is limited.

        A wait beyond the run's time ends with that. False if it was ours no more.
        """
        until = None if wait is None else Now() + wait
        time_is_up = F("started_at") + timedelta(seconds=settings.RUN_TIMEOUT)
        changes = {
            "rate_limited_until": until if is_limited else None,
            "resume_at": None if until is None else Least(until, time_is_up),
        }
        return bool(self.owned().update(**UNHELD, **changes, dispatched_at=None, updated_at=Now()))

    def finish(
        self, status: RunStatus, message: str = "", error: ErrorInfo | None = None, close: Closing | None = None
    ) -> bool:
        """End the run, and with it the step that was left to `close`. False if it was ours no more, or a stop came
        before its completion."""
        ending = partial(_COMPLETE if status == RunStatus.COMPLETED else _FINISH, run=self.run_id, token=self.token)
        return end(ending, self.run_id, status, message, error, self.daemon_id, close)


def owned_by(run_id: Any, token: Any) -> Any:
    """The run, if its worker is still the one with this token."""
    return SyncJobRun.objects.filter(id=run_id, lease_token=token, status=RunStatus.RUNNING)


def _lease() -> dict[str, Any]:
    return {"lease_until": Now() + timedelta(seconds=settings.LEASE_SECONDS)}


def claim(run_id: UUID, daemon_id: str) -> Claim | None:
    """Take the run if it is free: created, released, due again, or left behind by a worker whose lease is over.

    None if it is not. A left-behind run counts as a crash and as a new attempt; `started_at` survives it, because the
    next run's date is taken from it.
    """
    before = _READ.first(run=run_id)
    if before is None:
        return None
    lost = before.lease_token is not None
    changes = {
        "status": RunStatus.RUNNING,
        "daemon_id": daemon_id,
        "started_at": before.started_at or before.read_at,
        "attempt": before.attempt + (lost or before.attempt == 0),
        "crashes": before.crashes + lost,
        "lease_token": uuid4(),
    }
    given = {"run": run_id, "status_read": before.status, "token_read": before.lease_token, **changes}
    given["lease"] = timedelta(seconds=settings.LEASE_SECONDS)
    if not lost and before.attempt:  # it was released: nothing happens that the timeline should tell
        return _taken(before, changes) if _TAKE(**given) else None
    kind, take = (EventKind.WORKER_LOST, _TAKE_OVER) if lost else (EventKind.STARTED, _START)
    with transaction.atomic() if before.is_heard else nullcontext():
        won = take(**given, **(_loss(before, daemon_id) if lost else _start(before, daemon_id)))
        if won and before.is_heard:
            announce(run_id, kind)
        crash_at("within_claim")
    return _taken(before, changes) if won else None


def _start(run: SyncJobRun, daemon_id: str) -> dict[str, Any]:
    return event_row(run.id, EventKind.STARTED, f"Taken by daemon {daemon_id}.", daemon_id)


def _loss(run: SyncJobRun, daemon_id: str) -> dict[str, Any]:
    message = f"Daemon {run.daemon_id} gave no sign of life; {daemon_id} goes on where it was."
    return event_row(run.id, EventKind.WORKER_LOST, message, daemon_id, _left_behind(run))


def _free_run() -> Any:
    return SyncJobRun.objects.filter(FREE, id=Given("run", UUIDField()), stop_requested_at=None)


def _taking(token_read: Given | None) -> PreparedUpdate:
    """Of a run that is as it was read. The token is another case where there was none: nothing equals NULL."""
    drawn = {name: Given(name, SyncJobRun._meta.get_field(name)) for name in _DRAWN}
    return PreparedUpdate(
        lambda: _free_run().filter(status=Given("status_read", CharField()), lease_token=token_read),
        **{**UNHELD, **drawn, "lease_until": Now() + Given("lease", DurationField()), "updated_at": Now()},
        resume_at=None,
        rate_limited_until=None,
    )


_DRAWN = ("status", "daemon_id", "started_at", "attempt", "crashes", "lease_token")
_READ = PreparedModels(
    lambda: (
        _free_run()
        .select_related("integrated_account__integration")
        .annotate(read_at=Now(), is_heard=IS_HEARD)
        .order_by()
    )
)
_TAKE = _taking(None)
_START = PreparedTogether(_TAKE, EVENT)
_TAKE_OVER = PreparedTogether(_taking(Given("token_read", UUIDField())), EVENT)


def _taken(run: SyncJobRun, changes: dict[str, Any]) -> Claim:
    """A run that nobody had before is as it was read. Any other may have gone on in between, and is read anew."""
    if run.attempt:
        run.refresh_from_db()
    for name, value in changes.items():
        setattr(run, name, value)
    return Claim(run.id, changes["lease_token"], changes["daemon_id"], run)


def _left_behind(run: SyncJobRun) -> dict[str, Any]:
    """What the lost daemon's attempt had come to: `run` was read while nobody could write to it any more."""
    silent_since = None if run.lease_until is None else run.lease_until - timedelta(seconds=settings.LEASE_SECONDS)
    return {
        "attempt": run.attempt,
        "daemon_id": run.daemon_id,
        "fetched": run.fetched,
        "persisted": run.persisted,
        "error_count": run.error_count,
        "silent_since": wire_time(silent_since),
    }


def _owned_unstopped() -> Any:
    return _owned_run().filter(stop_requested_at=None)


def _owned_run() -> Any:
    return owned_by(Given("run", UUIDField()), Given("token", UUIDField()))


_ENDING = {**FINAL, "status": Given("status", CharField()), "error": Given("error", JSONField())}
_RENEWED = {"lease_until": Now() + Given("lease", DurationField()), "updated_at": Now()}
_RENEW = PreparedUpdate(_owned_unstopped, **_RENEWED)
HOLD_WITH_MODE = PreparedUpdate(_owned_unstopped, **_RENEWED, is_incremental=Given("is_incremental", BooleanField()))
HOLD_WITH_COUNTS = PreparedUpdate(_owned_unstopped, **_RENEWED, **ADDED, crashes=0)
_FINISH, _COMPLETE = PreparedUpdate(_owned_run, **_ENDING), PreparedUpdate(_owned_unstopped, **_ENDING)
