"""Telling the daemons about a run. A hint only: the run's row decides, and the sweep tells again."""

from __future__ import annotations

import structlog
from celery import current_app
from kombu.exceptions import ChannelError, OperationalError

from runs.models import SyncJobRun
from runs.models.base import Now

log = structlog.get_logger(__name__)

EXECUTE_RUN = "runs.tasks.execute_run"
SETTLE_STOP = "runs.tasks.settle_stop"


def queue_of(group: str) -> str:
    """The name of the Celery queue that the daemons of a group serve."""
    return f"sync.{group}"


def publish(run: SyncJobRun, task: str = EXECUTE_RUN) -> bool:
    """Send the run's id to the daemons of its group. False when the broker can't be reached.

    One try without retries: a caller in a web request must not hang on a broker that is down.
    """
    try:
        current_app.send_task(task, args=[str(run.id)], queue=queue_of(run.queue_group), retry=False)
    except (OperationalError, ChannelError, OSError) as error:
        log.warning("The broker can't be reached; the run waits for the sweep.", run=str(run.id), error=str(error))
        return False
    if task == EXECUTE_RUN:
        SyncJobRun.objects.filter(id=run.id).update(dispatched_at=Now())
    return True
