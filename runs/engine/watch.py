"""Looking, about once a second, at whether a slice may go on; and keeping its lease."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from django.conf import settings
from django.db import transaction

from runs.connectors import Pause
from runs.engine.budget import Budget
from runs.engine.claim import Claim
from runs.engine.events import add_event
from runs.engine.limits import Limit, limit_account, limit_of
from runs.errors import ErrorInfo, RunFailed
from runs.models import Daemon, DaemonStatus, EventKind

TICK = 1.0
PARK_SECONDS = 1.0  # how long requests in flight are waited for when the source wants a long wait
END_SECONDS = 0.5  # the same when the run ends: what they bring is not kept
DRAIN_SECONDS = 3.0  # how long requests in flight are waited for when the daemon has to end


def round_off_seconds() -> float:
    """The same when the slice's time is over. The lease is not renewed then; a third of it may be used up already."""
    return settings.LEASE_SECONDS / 3


class SliceOver(Exception):
    """Control flow: the run goes on in another slice.

    `patience`: seconds to wait for requests in flight; `wait`: seconds to wait for the source before that slice.
    """

    def __init__(self, patience: float, wait: float | None = None) -> None:
        self.patience = patience
        self.wait = wait


class Watch:
    """The reasons for which a slice ends before its work does.

    The lease is renewed here too, so that a slow page does not lose the run. Every page has a deadline of its own: a
    source that hangs can't keep a lease alive for ever.
    """

    def __init__(self, claim: Claim, started_at: datetime, pause: Pause, budget: Budget) -> None:
        """While the `pause` lasts, nothing is sent."""
        self._claim = claim
        self._pause = pause
        self._budget = budget
        begun = time.monotonic()
        # Counted on from the database's time of the claim: this host's clock may be days off.
        self._deadline = begun + settings.RUN_TIMEOUT - (claim.run.read_at - started_at).total_seconds()
        self._slice_ends = begun + settings.SLICE_SECONDS
        self._next_look = begun + min(TICK, settings.SLICE_SECONDS)  # the claim was a look
        self._renew_at = begun + settings.LEASE_SECONDS / 3
        self._told_lock = threading.Lock()
        self._told_until: float | None = None
        self._shown: datetime | None = None

    def note_wait(self, seconds: float) -> None:
        """Called in a fetching thread that is told to wait because the source limits its rate."""
        with self._told_lock:
            self._told_until = max(self._told_until or 0.0, time.monotonic() + seconds)

    def look(self, *, at_limit: bool = True) -> None:
        """Raises StopRequested, LeaseLost, RunFailed (timeout) or SliceOver where the slice has to end.

        `at_limit` false: what is done needs nothing of the source, and goes on though the source wants a wait.
        """
        if time.monotonic() >= self._next_look:
            self._look_at_run(at_limit)
        self._budget.look()

    def _look_at_run(self, at_limit: bool) -> None:
        now = time.monotonic()
        self._next_look = now + TICK
        self._claim.check()
        self.look_at_time()
        if Daemon.objects.filter(daemon_id=self._claim.daemon_id, status=DaemonStatus.STOPPING).exists():
            raise SliceOver(DRAIN_SECONDS)
        if now > self._slice_ends:
            raise SliceOver(round_off_seconds())
        if at_limit:
            self.look_at_limit()
        else:
            self._tell_account()
        if now >= self._renew_at:
            self._claim.hold()
            self._renew_at = now + settings.LEASE_SECONDS / 3

    def look_at_time(self) -> None:
        """Raises RunFailed for a run over its time."""
        if time.monotonic() > self._deadline:
            raise RunFailed(ErrorInfo("timeout", f"The run took longer than {settings.RUN_TIMEOUT} s."))

    def look_at_limit(self) -> None:
        """Wait, and say so, while the source limits the account, whichever of its runs was told.

        Raises SliceOver where that is longer than a daemon's time is worth.
        """
        self._tell_account()
        limit = limit_of(self._claim.run_id)
        until = None if limit is None else limit.until
        if limit is not None:
            if limit.seconds > settings.INLINE_WAIT_SECONDS:
                raise SliceOver(PARK_SECONDS, wait=limit.seconds)
            self._pause.extend(limit.seconds)
        if until != self._shown:
            self._show(limit)
            self._shown = until

    def _show(self, limit: Limit | None) -> None:
        with transaction.atomic():
            self._claim.hold(rate_limited_until=None if limit is None else limit.until)
            if limit is not None:
                message = f"The source limits its rate: waiting {limit.seconds:.0f} s."
                add_event(self._claim.run_id, EventKind.RATE_LIMITED, message, self._claim.daemon_id)

    def _tell_account(self) -> None:
        with self._told_lock:
            until, self._told_until = self._told_until, None
        left = 0.0 if until is None else until - time.monotonic()
        if left > 0:
            limit_account(self._claim.run_id, left)
