"""How many of a run's requests may be in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Gate:
    """A bound that changes while threads pass. Whoever waits for it waits at `changed`, and calls its methods with
    that held.

    It shuts by itself at the time up to which the bound is known to be the run's: a thread must not go on sending for
    a process that has lost its database.
    """

    def __init__(self, limit: int, *, until: float = float("inf"), clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.in_flight = 0
        self.wanted = limit  # how many could be in flight if the gate were as wide as can be
        self._limit = limit
        self._until = until
        self._clock = clock

    @property
    def is_open(self) -> bool:
        """Whether one more may pass."""
        return self.in_flight < self._limit and self._clock() < self._until

    def enter(self) -> None:
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1

    def set(self, limit: int, until: float) -> int:
        """Change the bound, until that time on the clock. Returns how many are in flight: above it none is added."""
        with self.changed:
            self._limit, self._until = limit, until
            self.changed.notify_all()
            return self.in_flight
