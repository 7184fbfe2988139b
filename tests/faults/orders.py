"""What is to happen to a process at a crash point: written down by a test, carried out by the process itself, once.

An order is a file `<number>.json` in a folder that test and processes share. A process that passes the point for the
n-th time on the order's run (or on any) takes the file away by renaming it, so that one process alone carries it out.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

FOR_EVER = 3_600.0  # seconds that a hanging process would hang, if nobody ended it
STOPS_WITHIN = 0.3  # seconds until all threads have stopped: the one that asks for it must not get any further

# Every point of the product, in the order in which a run passes them.
RUN_POINTS = (
    "within_claim",
    "after_claim",
    "before_first_request",
    "after_response",
    "after_checkpoint_before_records",
    "after_records_before_commit",
    "after_commit",
    "before_completed",
    "at_end_before_commit",
    "after_completed",
)
MAIL_POINTS = ("before_delivery", "after_delivery_before_note")
OTHER_POINTS = ("before_publish", "after_publish", "in_sweep")


@dataclass(frozen=True)
class Order:
    """`act`: kill, stop (as SIGSTOP does) or hang; `at` the n-th passing of the point by a process; "": of any run."""

    act: str
    point: str
    at: int = 1
    run: str = ""


class Orders:
    """The folder, from the side of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._written = 0

    def give(self, *orders: Order) -> None:
        """Written whole before they can be seen."""
        for order in orders:
            self._written += 1
            draft = self.folder / f"{self._written:06}.draft"
            draft.write_text(json.dumps(asdict(order)))
            draft.rename(draft.with_suffix(".json"))

    def carried_out(self) -> list[Order]:
        return [Order(**json.loads(path.read_text())) for path in sorted(self.folder.glob("*.done"))]

    def left(self) -> list[Order]:
        return [Order(**json.loads(path.read_text())) for path in sorted(self.folder.glob("*.json"))]

    def withdraw(self) -> None:
        """Nothing more is to happen."""
        for path in self.folder.glob("*.json"):
            path.unlink(missing_ok=True)


class Obedience:
    """The folder, from the side of a process: to be called with the name of each point that it passes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passed: Counter[tuple[Path, str]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        run = str(structlog.contextvars.get_contextvars().get("run_id", ""))
        for path in sorted(self._folder.glob("*.json")):
            order = self._read(path)
            if order and order.point == point and order.run in ("", run) and self._is_its_turn(path, order):
                self._carry_out(path, order)

    def _read(self, path: Path) -> Order | None:
        try:
            return Order(**json.loads(path.read_text()))
        except FileNotFoundError:  # another process has just carried it out
            return None

    def _is_its_turn(self, path: Path, order: Order) -> bool:
        with self._lock:
            self._passed[path, order.point] += 1
            return self._passed[path, order.point] >= order.at

    def _carry_out(self, path: Path, order: Order) -> None:
        try:
            path.rename(path.with_suffix(".done"))
        except FileNotFoundError:
            return
        match order.act:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
                threading.Event().wait(STOPS_WITHIN)
            case "hang":
                threading.Event().wait(FOR_EVER)
