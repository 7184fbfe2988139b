"""A job as a line of a list: how many entries and schedules it has, and how it has been going lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Func, IntegerField, Min, OuterRef, Q, QuerySet, Subquery
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.marks import Mark, run_mark
from runs.models import CronTrigger, SyncJob, SyncJobRun

MOST_NAMES = 8
LATELY = timedelta(hours=24)  # a bound for the count: the index has the runs of a job by their time
_UNLISTED = ("resources", "args_schema", "integration__config")


class ListLength(Func):
    """How many items a JSON column holds, counted where it lies; 0 for what is no list."""

    output_field = IntegerField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_ARRAY_LENGTH", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        whole = "JSONB_ARRAY_LENGTH(%(expressions)s)"
        template = f"CASE JSONB_TYPEOF(%(expressions)s) WHEN 'array' THEN {whole} ELSE 0 END"
        return self.as_sql(compiler, connection, template=template, **extra)


@dataclass(frozen=True)
class JobLine:
    """`accounts`: how many have had a run within `LATELY`. `schedules`: how many are armed, first at `next_slot`."""

    job: Any
    accounts: int
    schedules: int
    next_slot: datetime | None
    latest: SyncJobRun | None
    mark: Mark | None


def jobs_named(jobs: QuerySet[SyncJob], query: str = "") -> QuerySet[SyncJob]:
    """With what a line names, and the id of the latest run, which an index finds for each; without large columns."""
    runs = SyncJobRun.objects.filter(sync_job=OuterRef("pk")).order_by("-created_at", "-id")
    found = Q(label__icontains=query) | Q(integration__name__icontains=query) | Q(integration__label__icontains=query)
    named = jobs.select_related("integration", "environment").defer(*_UNLISTED)
    return named.filter(found if query else Q()).annotate(
        entry_count=ListLength(F("resources")), latest_run_id=Subquery(runs.values("id")[:1])
    )


def job_lines(jobs: Sequence[Any], now: datetime) -> list[JobLine]:
    """The lines of these jobs, with three queries for all of them."""
    ids = [job.pk for job in jobs]
    accounts, armed = _accounts_lately(ids, now), _armed(ids)
    latest = SyncJobRun.objects.defer("args", "resources").in_bulk([job.latest_run_id for job in jobs])
    return [_line(job, accounts, armed, latest.get(job.latest_run_id), now) for job in jobs]


def entry_names(job: SyncJob) -> SafeString:
    """The first names of what a job fetches, as a part of a sentence."""
    entries = job.resources if isinstance(job.resources, list) else []  # made without the services, it may be any JSON
    names = [_entry_name(entry) for entry in entries]
    listed = format_html_join(", ", "<b>{}</b>", ([name] for name in names[:MOST_NAMES]))
    return listed if len(names) <= MOST_NAMES else format_html(_("{names} and more"), names=listed)


def _entry_name(entry: Any) -> Any:
    return (entry.get("name") or entry.get("resource") or "") if isinstance(entry, dict) else ""


def _line(
    job: Any,
    accounts: dict[UUID, int],
    armed: dict[UUID, tuple[int, datetime | None]],
    latest: SyncJobRun | None,
    now: datetime,
) -> JobLine:
    schedules, next_slot = armed.get(job.pk, (0, None))
    mark = None if latest is None else run_mark(latest, now)
    return JobLine(job, accounts.get(job.pk, 0), schedules, next_slot, latest, mark)


def _accounts_lately(job_ids: list[UUID], now: datetime) -> dict[UUID, int]:
    recent = SyncJobRun.objects.filter(sync_job__in=job_ids, created_at__gt=now - LATELY).order_by()
    counted = recent.values_list("sync_job").annotate(accounts=Count("integrated_account", distinct=True))
    return dict(counted.values_list("sync_job", "accounts"))


def _armed(job_ids: list[UUID]) -> dict[UUID, tuple[int, datetime | None]]:
    triggers = CronTrigger.objects.live().filter(sync_job__in=job_ids, is_active=True).order_by()
    counted = triggers.values("sync_job").annotate(schedules=Count("pk"), first=Min("next_run_at"))
    return {job: (count, first) for job, count, first in counted.values_list("sync_job", "schedules", "first")}
