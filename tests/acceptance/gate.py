"""A source that answers so many requests and then holds the others back, until the test has seen what it wants."""

from __future__ import annotations

import itertools
import threading

from werkzeug import Request

LIMIT = 30.0  # seconds


class Gate:
    """To be hung in as `source.before`."""

    def __init__(self, answered: int) -> None:
        self._answered = answered
        self._numbers = itertools.count(1)
        self._reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, request: Request) -> None:
        if next(self._numbers) > self._answered:
            self._reached.set()
            self._open.wait(LIMIT)

    def await_arrival(self) -> None:
        """Wait for the first request that is held back."""
        assert self._reached.wait(LIMIT), f"Not even {self._answered} requests came."

    def open(self) -> None:
        self._open.set()
