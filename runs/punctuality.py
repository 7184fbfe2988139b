"""Whether data comes when its schedules say so. One rule, as a query, for lists and for what needs attention.

A slot makes data due (`CronTrigger.last_slot_at`); a run of the same job and account that completes after it has
brought the data, whoever started it. While a run is under way the latest slot is given time.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When

from runs.models import CronTrigger, JobFreshness, SyncJobRun
from runs.models.job import OVERDUE_AFTER


class Punctuality(StrEnum):
    """Of a schedule; of an account with several, the worst."""

    ON_TIME = "on_time"
    LATE = "late"  # the latest slot has not brought data, and no run is at it
    OVERDUE = "overdue"  # nor has the one before it; or a slot has come that nobody fires


WORST_FIRST = (Punctuality.OVERDUE, Punctuality.LATE, Punctuality.ON_TIME)


def judged(now: datetime) -> QuerySet[Any]:
    """The armed schedules, each with its `punctuality`."""
    same = {"account": OuterRef("integrated_account"), "sync_job": OuterRef("sync_job")}
    completed = JobFreshness.objects.filter(**same).values("last_completed_at")[:1]
    runs = SyncJobRun.objects.live().filter(
        integrated_account=OuterRef("integrated_account"), sync_job=OuterRef("sync_job")
    )
    armed = CronTrigger.objects.live().filter(is_active=True).annotate(completed_at=Subquery(completed))
    return armed.annotate(
        punctuality=Case(
            When(Q(next_run_at__lt=now - OVERDUE_AFTER) | _missed("earlier_slot_at"), then=Value(Punctuality.OVERDUE)),
            When(_missed("last_slot_at") & ~Exists(runs), then=Value(Punctuality.LATE)),
            default=Value(Punctuality.ON_TIME),
            output_field=CharField(),
        )
    )


def _missed(slot: str) -> Q:
    """Nothing has completed since this slot."""
    return Q(**{f"{slot}__isnull": False}) & (Q(completed_at=None) | Q(completed_at__lt=F(slot)))
