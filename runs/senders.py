"""The threads in which a courier sends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from django.db import connection

PATIENCE = 5.0  # seconds


class Senders:
    """Threads that go on with the next thing to send, over the connection to the database that they have, and end when
    there was none for so many seconds.

    Not a `ThreadPoolExecutor`, whose threads the process waits for at its end: a slow receiver must not hold it up.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._promised: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._idle = 0  # threads that wait and that nothing is promised to
        self._is_over = False

    def start(self, send: Callable[[], None]) -> None:
        """Do it at once, in a thread that waits for something to do, or in a new one."""
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._promised.put(send)
                return
        threading.Thread(target=self._work, args=[send], name="delivery", daemon=True).start()

    def end(self) -> None:
        """Let the threads end: each after what it is at."""
        with self._lock:
            self._is_over = True
            for _ in range(self._idle):
                self._promised.put(None)
            self._idle = 0

    def _work(self, send: Callable[[], None] | None) -> None:
        try:
            while send is not None:
                send()
                send = self._next()
        finally:
            connection.close()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._is_over:
                return None
            self._idle += 1
        try:
            return self._promised.get(timeout=self._patience)
        except Empty:
            with self._lock:
                if self._idle:
                    self._idle -= 1
                    return None
            return self._promised.get()  # something was promised in that very moment
