"""A source that wants to be left alone is left alone by all threads, not only by the one that it told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pause:
    """Until when no request of the account is sent. It only ever grows longer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0

    def extend(self, seconds: float) -> None:
        """Send nothing for so many seconds from now on."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def left(self) -> float:
        """The seconds that it still lasts; 0 when it is over."""
        with self._lock:
            return max(0.0, self._until - self._clock())
