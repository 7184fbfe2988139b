"""The ids in Celery's own lines about a task, and lines of JSON where it would print. Loaded once Django is ready."""

from __future__ import annotations

from typing import Any

from celery.signals import task_postrun, task_prerun, worker_init
from django.conf import settings
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


@worker_init.connect
def part_without_words(**_: Any) -> None:
    """Celery writes its words about a shutdown past its loggers, since it is in a signal handler; no setting turns that
    off."""
    if not settings.LOGS_ARE_JSON:
        return
    from celery.apps import worker  # of a worker: no other process is to load it

    worker.safe_say = lambda words, *_: say_raw(words.strip(), level="info", logger="celery.apps.worker")
