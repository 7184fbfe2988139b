"""Real processes for tests: started with a log of their own, waited for by condition, and always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parent.parent
POLL = 0.05  # seconds
GRACE = 10.0
TOLD = 6_000  # characters of a log's end


def wait_until(condition: Callable[[], T], limit: float, what: str) -> T:
    """The condition's first truthy value. Fails after `limit` seconds, saying what was waited for."""
    deadline, pause = time.monotonic() + limit, threading.Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"After {limit} s there was still not: {what}.")
        pause.wait(POLL)
    return value


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def kill(pid: int) -> None:
    """`kill -9` of a process that this test has started, directly or through another."""
    os.kill(pid, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Something else that has the port."""
    with socket.create_server(("127.0.0.1", port)):
        yield


@dataclass
class Process:
    """A started process and the file that its output goes to."""

    popen: subprocess.Popen[bytes]
    log_file: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def says(self, text: str, limit: float = 30.0) -> None:
        """Wait until the text is in its output; fails at once if it ends before."""
        wait_until(lambda: text in self.log() or self._has_ended(), limit, f"{text!r} in {self.log_file}")
        assert text in self.log(), self.log()

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, of this process alone."""
        self.popen.kill()
        self.popen.wait()

    def wait(self, limit: float) -> int:
        """Its exit status."""
        return self.popen.wait(limit)

    def ask_to_end(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()

    def end(self) -> None:
        """SIGTERM, and SIGKILL to whatever of its session still runs afterwards."""
        self.ask_to_end()
        try:
            self.popen.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _has_ended(self) -> bool:
        return self.popen.poll() is not None


@dataclass
class Processes:
    """Starts processes with one environment, and ends all of them with the block. `project`: whose code they run."""

    at_work: ClassVar[list[Processes]] = []

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    project: Path = PROJECT
    _started: list[Process] = field(default_factory=list)

    def said(self) -> Iterator[tuple[str, str]]:
        """The end of each log in which there is anything, by its name: for the report of a test that has failed."""
        for process in self._started:
            if log := process.log().strip():
                yield process.log_file.name, log[-TOLD:]

    def start(self, *command: str, name: str, **environment: str) -> Process:
        log_file = self.folder / f"{name}-{len(self._started)}.log"
        with log_file.open("wb") as log:
            popen = subprocess.Popen(
                command,
                cwd=self.project,
                env=self.whole_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(popen, log_file)
        self._started.append(process)
        return process

    def named(self, name: str) -> list[Process]:
        """Those that were started under the name."""
        return [process for process in self._started if process.log_file.name.startswith(f"{name}-")]

    def manage(self, *arguments: str, **environment: str) -> Process:
        """Start a management command."""
        return self.start(sys.executable, "manage.py", *arguments, name=arguments[0], **environment)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end, within three minutes: its tables alone may take one."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.project,
            env=self.whole_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def whole_environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """With the settings that are shipped, not those of the suite."""
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", **self.environment, **(more or {})}

    def end(self) -> None:
        """All at the same time: each may take a while."""
        for process in self._started:
            process.ask_to_end()
        for process in self._started:
            process.end()


@contextmanager
def processes(folder: Path, environment: Mapping[str, Any], project: Path = PROJECT) -> Iterator[Processes]:
    """Processes of which none outlives the block."""
    started = Processes(folder, environment, project)
    Processes.at_work.append(started)
    try:
        yield started
    finally:
        Processes.at_work.remove(started)
        started.end()
