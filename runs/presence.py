"""A daemon's row: written by the daemon itself, from the moment it takes work to its end.

A Celery bootstep starts two threads per worker: one beats every few seconds, one sweeps every `SWEEP_SECONDS`. The
sweep runs here and not as a task, so that it goes on while the broker is down and never queues behind the runs.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from datetime import datetime
from typing import Any

from celery import bootsteps, signals
from django.conf import settings
from django.utils import timezone

from runs.database import outages_survived
from runs.engine.ahead import AHEAD
from runs.engine.recovery import sweep, wake
from runs.models import Daemon, DaemonStatus
from runs.models.base import Now
from runs.models.daemon import HEARTBEAT, SWEPT_AT
from runs.version import VERSION
from runs.wire import known_time

QUEUE_PREFIX = "sync."
WAKE_SECONDS = 3.0


class Sweeper(threading.Thread):
    """Sweeps every `SWEEP_SECONDS`, and wakes parked runs in between; in a thread of its own, because a long sweep must
    not hold up the heartbeat."""

    def __init__(self, groups: list[str], stopping: threading.Event) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._groups = groups
        self._stopping = stopping
        self.swept_at: datetime | None = None

    def run(self) -> None:
        next_sweep = time.monotonic()
        while not self._stopping.is_set():
            is_due = time.monotonic() >= next_sweep
            next_sweep = time.monotonic() + settings.SWEEP_SECONDS if is_due else next_sweep
            with outages_survived("sweep"):
                (sweep if is_due else wake)(self._groups)
                AHEAD.look(self._groups)
                self.swept_at = timezone.now() if is_due else self.swept_at
            self._stopping.wait(min(WAKE_SECONDS, settings.SWEEP_SECONDS))


class Presence(threading.Thread):
    """Beats until the process ends. Errors of the database are logged, and tried again next time."""

    def __init__(self, daemon_id: str, group_key: str, metadata: dict[str, Any]) -> None:
        super().__init__(name="presence", daemon=True)
        self._daemon_id = daemon_id
        self._told: dict[str, Any] = {"group_key": group_key, "metadata": metadata}
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._sweeper = Sweeper(group_key.split(","), self._stopping)

    def run(self) -> None:
        self._sweeper.start()
        while True:
            self._write(DaemonStatus.STOPPING if self._stopping.is_set() else DaemonStatus.ACTIVE)
            self._woken.wait(HEARTBEAT.total_seconds())
            self._woken.clear()

    def stop(self) -> None:
        """Tell at once that this daemon is stopping: its runs read that in the row, in every kind of pool."""
        self._stopping.set()
        self._woken.set()

    def end(self) -> None:
        """The last thing the process does: nothing runs here any more."""
        self._write(DaemonStatus.STOPPED)

    def _write(self, status: DaemonStatus) -> None:
        values = {**self._told, "status": status, "last_active_at": Now()}
        if self._sweeper.swept_at is not None:
            values["metadata"] = {**self._told["metadata"], SWEPT_AT: known_time(self._sweeper.swept_at)}
        with outages_survived("heartbeat"):
            Daemon.objects.update_or_create(daemon_id=self._daemon_id, defaults=values)


class PresenceStep(bootsteps.StartStopStep):
    """Starts the presence once the worker has its queues. A reconnect to the broker finds it running."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    presence: Presence | None = None

    def start(self, consumer: Any) -> None:
        if PresenceStep.presence is None:
            PresenceStep.presence = Presence(consumer.hostname, _groups(consumer), _metadata(consumer))
            PresenceStep.presence.start()


@signals.worker_shutting_down.connect
def _tell_stopping(**_: Any) -> None:
    if PresenceStep.presence is not None:
        PresenceStep.presence.stop()


@signals.worker_shutdown.connect
def _tell_stopped(**_: Any) -> None:
    if PresenceStep.presence is not None:
        PresenceStep.presence.end()


def _groups(consumer: Any) -> str:
    names = sorted(queue.name for queue in consumer.task_consumer.queues)
    return ",".join(name.removeprefix(QUEUE_PREFIX) for name in names)


def _metadata(consumer: Any) -> dict[str, Any]:
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "pool": type(consumer.pool).__module__.rsplit(".", 1)[-1],
        "concurrency": consumer.pool.num_processes,
        "python": platform.python_version(),
        "version": VERSION,
    }
