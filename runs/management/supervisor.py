"""Web, daemon and scheduler as children of one process.

Guarantee: when the supervisor has ended, none of its children runs. They end with it on SIGTERM and Ctrl-C within
`PATIENCE`; if it is killed outright, the kernel ends them (Linux only: prctl(2), PR_SET_PDEATHSIG).
A child that dies is started again, later each time; one that can't be kept alive ends the whole.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PATIENCE = 9.0  # seconds a child has to end by itself
LOOK = 0.2
LONGEST_PAUSE = 30.0
SETTLED_AFTER = 30.0  # a child that lived this long has started well
FAILED_STARTS = 5
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: between fork and exec is too late


@dataclass(frozen=True)
class Service:
    """A command that is to be kept running."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


class Lost(Exception):
    """A service ended again and again right after its start."""


class Supervisor:
    """Starts the services and keeps them running until it is told to stop.

    Their output goes to `<log_folder>/<name>.log`, or, without a folder, where the supervisor's own goes.
    """

    def __init__(self, services: list[Service], say: Callable[[str], None], log_folder: Path | None = None) -> None:
        self.stopping = threading.Event()
        self._say = say
        self._children = [Child(service, log_folder) for service in services]

    def run(self) -> None:
        """Block until SIGTERM or SIGINT, then end all children. Raises Lost when one can't be kept alive."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            while not self.stopping.is_set():
                self._look_after_children()
                self.stopping.wait(LOOK)
        finally:
            self.stopping.set()
            end_all([child.process for child in self._children if child.process is not None])

    def _stop(self, *_: object) -> None:
        self.stopping.set()

    def _look_after_children(self) -> None:
        for child in self._children:
            message = child.look(time.monotonic())
            if message:
                self._say(message)


class Child:
    """One service's process, and when to start it again."""

    def __init__(self, service: Service, log_folder: Path | None) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._service = service
        self._log_folder = log_folder
        self._started_at = 0.0
        self._start_at = 0.0
        self._failed_starts = 0

    def look(self, now: float) -> str | None:
        """Start it if it is due; if it has ended, return the sentence that says so. Raises Lost."""
        if self.process is not None and self.process.poll() is not None:
            return self._note_end(self.process.returncode, now)
        if self.process is None and now >= self._start_at:
            self._started_at = now
            self.process = self._start()
        return None

    def _note_end(self, status: int, now: float) -> str:
        self.process = None
        self._failed_starts = 1 if now - self._started_at > SETTLED_AFTER else self._failed_starts + 1
        if self._failed_starts >= FAILED_STARTS:
            raise Lost(f"The {self._service.name} ended {FAILED_STARTS} times in a row, last with status {status}.")
        pause = min(2.0 ** (self._failed_starts - 1), LONGEST_PAUSE)
        self._start_at = now + pause
        return f"The {self._service.name} ended with status {status}; it is started again in {pause:.0f} s."

    def _start(self) -> subprocess.Popen[bytes]:
        """In a session of its own, so that a Ctrl-C in the terminal reaches the supervisor alone."""
        parent = os.getpid()
        with self._output() as output:
            return subprocess.Popen(  # noqa: S603 - the commands are ours
                self._service.command,
                env={**os.environ, **self._service.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: _end_with(parent),
            )

    def _output(self) -> IO[bytes]:
        if self._log_folder is None:
            return os.fdopen(os.dup(sys.stderr.fileno()), "wb")
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return (self._log_folder / f"{self._service.name}.log").open("ab")


def _end_with(parent: int) -> None:
    """In the child: have the kernel send SIGTERM when the parent dies, also if it died before this call."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


def end_all(processes: list[subprocess.Popen[bytes]], patience: float = PATIENCE) -> None:
    """SIGTERM to all; when the patience is over, SIGKILL to the groups of those that still run."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
