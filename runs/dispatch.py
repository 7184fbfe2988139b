"""Telling the daemons about work. A hint only: the row decides, and the sweep tells again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import structlog
from celery import current_app
from django.db.models import UUIDField
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

from runs.crash_points import crash_at
from runs.models import BulkAction, Daemon, SyncJobRun
from runs.models.base import Now
from runs.models.run_state import DEFAULT_GROUP
from runs.prepared import Given, PreparedUpdate

log = structlog.get_logger(__name__)

EXECUTE_RUN = "runs.tasks.execute_run"
SETTLE_STOP = "runs.tasks.settle_stop"
CARRY_OUT_BULK = "runs.tasks.carry_out_bulk"

PATIENCE = 0.5  # seconds for the broker's answer: who waits for it may be a person before a page
TIMEOUTS = {"redis": ("socket_connect_timeout", "socket_timeout"), "amqp": ("read_timeout", "write_timeout")}


@dataclass
class BrokerWatch:
    """`failed`: something was to be published and the broker could not be reached."""

    failed: bool = False


_WATCH: ContextVar[BrokerWatch | None] = ContextVar("broker_watch", default=None)


@contextmanager
def watched_broker() -> Iterator[BrokerWatch]:
    """Learn whether all that is published within has reached the broker."""
    watch = BrokerWatch()
    before = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(before)


def queue_of(group: str) -> str:
    """The name of the Celery queue that the daemons of a group serve."""
    return f"sync.{group}"


def publish(run: SyncJobRun, task: str = EXECUTE_RUN) -> bool:
    """Send the run's id to the daemons of its group. False when the broker can't be reached."""
    crash_at("before_publish")
    sent = _send(task, str(run.id), run.queue_group)
    crash_at("after_publish")
    if sent and task == EXECUTE_RUN:
        _TOLD(run=run.id)
    return sent


_TOLD = PreparedUpdate(lambda: SyncJobRun.objects.filter(id=Given("run", UUIDField())), dispatched_at=Now())


def publish_bulk(action: BulkAction, group: str | None = None) -> bool:
    """Send the action's id to the daemons of the group, else of one that is alive. False as for a run."""
    sent = _send(CARRY_OUT_BULK, str(action.id), group or _living_group())
    if sent:
        BulkAction.objects.filter(id=action.id).update(dispatched_at=Now())
    return sent


def _living_group() -> str:
    """Any daemon can carry out a bulk action; the default group's, where none is known to live."""
    alive = Daemon.objects.living_groups()
    return DEFAULT_GROUP if DEFAULT_GROUP in alive or not alive else min(alive)


def _send(task: str, argument: str, group: str) -> bool:
    """One try without retries, on connections that give up soon: a web request must not hang on a broker that is down.

    Kombu by itself would wait two seconds before it connects once more, and a worker's connections have to be patient.
    """
    broker = hurried_connection()
    try:
        with producers[broker].acquire(block=True, timeout=PATIENCE) as producer:
            producer.connection.ensure_connection(max_retries=0)
            current_app.send_task(task, args=[argument], queue=queue_of(group), retry=False, producer=producer)
    except (OperationalError, LimitExceeded, OSError, *broker.connection_errors, *broker.channel_errors) as error:
        log.warning("The broker can't be reached; what was asked waits for the sweep.", of=argument, error=str(error))
        if (watch := _WATCH.get()) is not None:
            watch.failed = True
        return False
    return True


def hurried_connection(patience: float = PATIENCE) -> Any:
    """A connection to the broker that gives up after so many seconds; the key of the pool of those like it.

    Without AMQP's heartbeats: nobody would send them between two messages, and RabbitMQ would close the connection.
    """
    scheme = str(current_app.conf.broker_write_url).partition(":")[0]
    names = next((names for kind, names in TIMEOUTS.items() if scheme in (kind, f"{kind}s")), ())
    return current_app.connection_for_write(
        connect_timeout=patience, heartbeat=0, transport_options=dict.fromkeys(names, patience)
    )
