"""Whether data comes when its schedules say so. One rule, as a query, for lists and for what needs attention.

A slot makes data due (`CronTrigger.last_slot_at`); a run of the same job and account that completes after it has
brought the data, whoever started it. While a run is under way the latest slot is given time.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db.models import Case, F, FilteredRelation, IntegerField, Max, Q, QuerySet, Value, When

from runs.models import CronTrigger
from runs.models.job import OVERDUE_AFTER
from runs.models.run import LIVE


class Punctuality(IntEnum):
    """Of a schedule; of an account with several, the highest."""

    ON_TIME = 0
    LATE = 1  # the latest slot has not brought data, and no run is at it
    OVERDUE = 2  # nor has the one before it; or a slot has come that nobody fires


def judged(now: datetime) -> QuerySet[Any]:
    """The armed schedules, each with its `punctuality`."""
    of_this_account = Q(sync_job__freshness__account=F("integrated_account"))
    armed = CronTrigger.objects.live().filter(is_active=True)
    joined = armed.annotate(brought=FilteredRelation("sync_job__freshness", condition=of_this_account))
    overdue = Q(next_run_at__lt=now - OVERDUE_AFTER) | _missed("earlier_slot_at")
    late = _missed("last_slot_at") & ~Q(pk__in=_at_work())
    return joined.annotate(
        punctuality=Case(
            When(overdue, then=Value(Punctuality.OVERDUE)),
            When(late, then=Value(Punctuality.LATE)),
            default=Value(Punctuality.ON_TIME),
            output_field=IntegerField(),
        )
    )


def accounts_that_are(punctuality: Punctuality, now: datetime) -> QuerySet[Any, Any]:
    """The ids of the accounts whose worst schedule is this punctual."""
    worst = judged(now).order_by().values("integrated_account").annotate(worst=Max("punctuality"))
    return worst.filter(worst=punctuality).values("integrated_account")


def _missed(slot: str) -> Q:
    """Nothing has completed since this slot."""
    completed = "brought__last_completed_at"
    return Q(**{f"{slot}__isnull": False}) & (Q(**{completed: None}) | Q(**{f"{completed}__lt": F(slot)}))


def _at_work() -> QuerySet[Any, Any]:
    """The schedules whose job has a live run for their account: asked for once, from the few live runs on."""
    runs: Any = {"sync_job__runs__status__in": LIVE, "sync_job__runs__integrated_account": F("integrated_account")}
    return CronTrigger.objects.filter(**runs).values("pk")
