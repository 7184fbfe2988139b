"""Asking a source until its answer is of use, or there is no point in asking again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from runs.connectors.bounds import Bounds
from runs.connectors.errors import RateLimited, RequestFailed
from runs.connectors.exchange import Exchange
from runs.connectors.pause import Pause
from runs.connectors.rate_limit import LimitTold, RateLimit
from runs.connectors.reply import Reply
from runs.connectors.request import Outgoing
from runs.connectors.retry import Patience

T = TypeVar("T")


class Attempts:
    """The tries and the waits of one client's requests. Threads may ask side by side."""

    def __init__(
        self,
        exchange: Exchange,
        rate_limit: RateLimit,
        bounds: Bounds,
        pause: Pause,
        *,
        wait: Callable[[float], None],
        on_limit: Callable[[float], None],
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        """While the `pause` lasts nothing is sent; `on_limit` is told of each wait that the source wants."""
        self._exchange = exchange
        self._rate_limit = rate_limit
        self._bounds = bounds
        self._pause = pause
        self._wait = wait
        self._on_limit = on_limit
        self._clock = clock
        self._now = now
        self._ends = clock() + bounds.total_seconds
        self._jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing

    def ask(
        self,
        outgoing: Outgoing,
        read: Callable[[Reply], T],
        *,
        may_repeat: bool,
        on_sent: Callable[[], None] = lambda: None,
    ) -> T:
        """What `read` makes of the reply, after as many tries as it takes and the source deserves.

        `on_sent` is called when a try is on its way.
        `read` raises RequestFailed where the reply is of no use, and LimitTold where it says to come again later.
        """
        started = self._clock()
        patience = Patience(started, jitter=self._jitter, bounds=self._bounds)
        while True:
            started += self._paused(patience)
            try:
                deadline = min(started + self._bounds.page_seconds, self._ends)
                return read(self._exchange.send(outgoing, deadline=deadline, on_sent=on_sent))
            except RequestFailed as error:
                delay = None if error.permanent or not may_repeat else patience.after_failure(self._clock())
                if delay is None:
                    raise
                self._wait(delay)
                continue
            except LimitTold as limit:
                seconds = self._limited(patience, limit.reply)
            started += seconds
            self._wait(seconds)

    def _paused(self, patience: Patience) -> float:
        """Wait until the source may be asked, which another thread or run was told. The seconds that it took."""
        waited = 0.0
        while seconds := self._pause.left():
            patience.spend(seconds)
            self._wait(seconds)
            waited += seconds
        return waited

    def _limited(self, patience: Patience, reply: Reply) -> float:
        """The seconds to wait, in which the other threads send nothing either. Raises RateLimited."""
        try:
            seconds = patience.after_limit(self._rate_limit.told(reply, self._now()))
        except RateLimited as limit:
            limit.excerpt = reply.excerpt
            self._hold_back(limit.seconds)
            raise
        self._hold_back(seconds)
        return seconds

    def _hold_back(self, seconds: float) -> None:
        self._pause.extend(seconds)
        self._on_limit(seconds)
