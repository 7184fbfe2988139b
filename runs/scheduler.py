"""Celery's scheduler, which fires cron triggers as well: `celery -A dashboard beat`.

They are fired in this very process and not by a task, which would queue behind the runs. A database or a broker that
is away for a while is survived; slots that are missed meanwhile are made up for (`runs.services.firing`).
"""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import PersistentScheduler
from django.utils import timezone

from runs.database import outages_survived
from runs.services import fire_due

log = structlog.get_logger(__name__)

TICK = 2.0  # seconds: how late a slot may be fired


class Scheduler(PersistentScheduler):
    """Its periodic tasks are those of `CELERY_BEAT_SCHEDULE`; the triggers are rows, and read anew at each tick."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One round. Returns the seconds until the next one."""
        with outages_survived("scheduler"):
            started = fire_due(timezone.now())
            if started:
                log.info("Slots have come due.", runs_started=started)
        return min(super().tick(*args, **kwargs), TICK)
