"""The ids in Celery's own lines about a task, and lines of JSON where it would print. Loaded once Django is ready."""

from __future__ import annotations

from typing import Any

from celery.apps import worker
from celery.signals import task_postrun, task_prerun
from structlog.contextvars import clear_contextvars

from dashboard.logs import say_raw
from runs.dispatch import EXECUTE_RUN, SETTLE_STOP
from runs.log_ids import tell_ids


@task_prerun.connect
def name_task(task_id: str, task: Any, args: Any, **_: Any) -> None:
    """Of all tasks these two alone are about one run."""
    clear_contextvars()
    tell_ids(task_id=task_id, run_id=args[0] if task.name in (EXECUTE_RUN, SETTLE_STOP) and args else None)


@task_postrun.connect
def forget_task(**_: Any) -> None:
    """After Celery has logged what came of it."""
    clear_contextvars()


def print_nothing() -> None:
    """Celery writes its words about a shutdown past its loggers, since it is in a signal handler; no setting turns that
    off."""
    worker.safe_say = lambda words, *_: say_raw(words.strip(), level="info", logger="celery.apps.worker")
