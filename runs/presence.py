"""A daemon's row: written by the daemon itself, from the moment it takes work to its end.

A Celery bootstep starts one thread per worker, which beats every few seconds and sweeps every `SWEEP_SECONDS`. The
sweep runs here and not as a task, so that it goes on while the broker is down and never queues behind the runs.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from typing import Any

import structlog
from celery import bootsteps, signals
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from runs.engine.recovery import sweep
from runs.models import Daemon, DaemonStatus
from runs.models.daemon import HEARTBEAT

log = structlog.get_logger(__name__)

QUEUE_PREFIX = "sync."


class Presence(threading.Thread):
    """Beats and sweeps until the process ends. Errors of the database are logged, and tried again next time."""

    def __init__(self, daemon_id: str, group_key: str, metadata: dict[str, Any]) -> None:
        super().__init__(name="presence", daemon=True)
        self._daemon_id = daemon_id
        self._groups = group_key.split(",")
        self._told = {"group_key": group_key, "metadata": metadata}
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._next_sweep = time.monotonic()

    def run(self) -> None:
        while True:
            self._guarded(self._beat)
            if time.monotonic() >= self._next_sweep and not self._stopping.is_set():
                self._next_sweep = time.monotonic() + settings.SWEEP_SECONDS
                self._guarded(lambda: sweep(self._groups))
            self._woken.wait(min(HEARTBEAT.total_seconds(), settings.SWEEP_SECONDS))
            self._woken.clear()

    def stop(self) -> None:
        """Tell at once that this daemon is stopping: its runs read that in the row, in every kind of pool."""
        self._stopping.set()
        self._woken.set()

    def end(self) -> None:
        """The last thing the process does: nothing runs here any more."""
        self._guarded(lambda: self._write(DaemonStatus.STOPPED))

    def _beat(self) -> None:
        self._write(DaemonStatus.STOPPING if self._stopping.is_set() else DaemonStatus.ACTIVE)

    def _write(self, status: DaemonStatus) -> None:
        values = {**self._told, "status": status, "last_active_at": timezone.now()}
        Daemon.objects.update_or_create(daemon_id=self._daemon_id, defaults=values)

    def _guarded(self, act: Any) -> None:
        close_old_connections()
        try:
            act()
        except (DatabaseError, InterfaceError):
            log.exception("The database can't be reached by the daemon's own thread.")
            connection.close()


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
    }
