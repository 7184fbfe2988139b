"""Whether data comes when its schedules say so. One rule, for the board of accounts, the list of schedules and what
needs attention.

A slot that comes makes a completed run due by `CronTrigger.completion_due_at`; whichever run of the same job and
account completes next brings it (`runs.engine.outcome`), whoever started it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from django.db.models import Case, F, IntegerField, Max, Q, QuerySet, Value, When

from runs.models import CronTrigger
from runs.models.run_state import LIVE

# A scheduler looks every two seconds; a slot that is due for longer has none that looks.
FIRED_WITHIN = timedelta(minutes=1)


class Punctuality(IntEnum):
    """Of a schedule; of an account with several, the highest."""

    ON_TIME = 0
    LATE = 1  # a run is due that has not completed, and none is at it
    OVERDUE = 2  # it should have completed by now; or a slot has come that nobody fires


def unfired(now: datetime) -> Q:
    """The armed triggers whose slot has come and was not fired: no scheduler runs, or it can't keep up."""
    return Q(is_active=True, next_run_at__lt=now - FIRED_WITHIN)


def is_unfired(trigger: CronTrigger, now: datetime) -> bool:
    """Whether `unfired` holds for this trigger."""
    return trigger.is_active and trigger.next_run_at is not None and trigger.next_run_at < now - FIRED_WITHIN


def overdue(now: datetime) -> Q:
    """The armed triggers that are `Punctuality.OVERDUE`.

    Null is told apart first: after a comparison with it, PostgreSQL still looks at what else is asked of the row.
    """
    return Q(completion_due_at__isnull=False) & Q(is_active=True, completion_due_at__lt=now) | unfired(now)


def is_overdue(trigger: CronTrigger, now: datetime) -> bool:
    """Whether `overdue` holds for this trigger."""
    due = trigger.completion_due_at
    return (trigger.is_active and due is not None and due < now) or is_unfired(trigger, now)


def judged(now: datetime) -> QuerySet[Any]:
    """The armed schedules, each with its `punctuality`."""
    late = Q(completion_due_at__isnull=False) & ~Q(pk__in=_at_work())
    return (
        CronTrigger.objects.live()
        .filter(is_active=True)
        .annotate(
            punctuality=Case(
                When(overdue(now), then=Value(Punctuality.OVERDUE)),
                When(late, then=Value(Punctuality.LATE)),
                default=Value(Punctuality.ON_TIME),
                output_field=IntegerField(),
            )
        )
    )


def accounts_that_are(punctuality: Punctuality, now: datetime) -> QuerySet[Any, Any]:
    """The ids of the accounts whose worst schedule is this punctual."""
    worst = judged(now).order_by().values("integrated_account").annotate(worst=Max("punctuality"))
    return worst.filter(worst=punctuality).values("integrated_account")


def _at_work() -> QuerySet[Any, Any]:
    """The schedules whose job has a live run for their account: asked for once, from the few live runs on."""
    runs: Any = {"sync_job__runs__status__in": LIVE, "sync_job__runs__integrated_account": F("integrated_account")}
    return CronTrigger.objects.filter(**runs).values("pk")
