"""How long a caller who waits for an answer is kept waiting in all."""

from __future__ import annotations

import time

from runs.connectors import RequestFailed


class Deadline:
    """Waits, but not beyond its end: what would go further ends as RequestFailed."""

    def __init__(self, seconds: float, what: str) -> None:
        """`what` is what is not complete then: the beginning of a sentence."""
        self._seconds = seconds
        self._what = what
        self._ends = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def __call__(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._ends:
            message = f"{self._what} is not complete after {self._seconds:.0f} s."
            raise RequestFailed("timeout", message, permanent=False)
        if seconds:
            time.sleep(seconds)
