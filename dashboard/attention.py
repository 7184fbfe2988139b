"""What needs a person: runs, schedules, webhooks and accounts, and why each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from dashboard.marks import Mark, overdue, run_mark, silent, unclaimed
from dashboard.run_lines import named
from dashboard.schedule_lines import ScheduleLine, schedule_lines, triggers_named
from runs.models import (
    AccountStatus,
    CronTrigger,
    Daemon,
    Environment,
    IntegratedAccount,
    RunStatus,
    SyncJobRun,
    Webhook,
)
from runs.models.job import refused_triggers
from runs.models.run import of_groups

FAILURES_SINCE = timedelta(days=7)
SILENT_FOR = timedelta(seconds=30)  # by then another daemon should have taken over
STOPPING_FOR = timedelta(minutes=1)
WAITING_FOR = timedelta(seconds=15)
MOST = 50


class Reason(StrEnum):
    SILENT = "silent"
    STOPPING = "stopping"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True)
class Concern:
    """A run that needs somebody."""

    run: SyncJobRun
    mark: Mark
    reason: Reason


def concerns(environments: QuerySet[Environment], now: datetime | None = None) -> list[Concern]:
    """The runs that need attention, at most `MOST` of each reason. One query a reason, and one for the daemons."""
    now = now or timezone.now()
    return [
        Concern(run, run_mark(run, now), reason)
        for reason, runs in _queries(environments, now).items()
        for run in named(runs)[:MOST]
    ]


def concern_count(environments: QuerySet[Environment], now: datetime | None = None) -> int:
    """How many there are, counted up to `MOST` for each reason."""
    now = now or timezone.now()
    others = (_schedules(environments, now), _webhooks(environments), _accounts(environments))
    queries = [*_queries(environments, now).values(), *others]
    return sum(rows.order_by()[:MOST].count() for rows in queries)


def schedule_concerns(environments: QuerySet[Environment], now: datetime | None = None) -> list[ScheduleLine]:
    """The armed schedules whose slots are refused, or come and are not fired; at most `MOST`."""
    now = now or timezone.now()
    return schedule_lines(triggers_named(_schedules(environments, now))[:MOST], now)


def webhook_concerns(environments: QuerySet[Environment]) -> list[Webhook]:
    """Those that were switched off because their receivers failed for long; at most `MOST`.

    One that a person has switched off is none.
    """
    return list(_webhooks(environments).defer("secret")[:MOST])


def account_concerns(environments: QuerySet[Environment]) -> list[IntegratedAccount]:
    """Those whose source takes their credentials no more; at most `MOST`."""
    hidden = ("context", "unified_model_override", "integration__config")
    return list(_accounts(environments).select_related("integration").defer(*hidden)[:MOST])


def _webhooks(environments: QuerySet[Environment]) -> QuerySet[Webhook]:
    switched_off = Webhook.objects.live().filter(environment__in=environments, is_active=False)
    return switched_off.exclude(disabled_reason="").order_by("-updated_at", "-id")


def _accounts(environments: QuerySet[Environment]) -> QuerySet[IntegratedAccount]:
    accounts = IntegratedAccount.objects.live().filter(environment__in=environments)
    return accounts.filter(status=AccountStatus.NEEDS_REAUTH).order_by("-updated_at", "-id")


def _schedules(environments: QuerySet[Environment], now: datetime) -> QuerySet[CronTrigger]:
    armed = CronTrigger.objects.live().filter(environment__in=environments, is_active=True)
    return armed.filter(refused_triggers() | overdue(now)).order_by("next_run_at", "id")


def _queries(environments: QuerySet[Environment], now: datetime) -> dict[Reason, QuerySet[SyncJobRun]]:
    """The runs of each reason. A run has one reason only: a stop that takes too long says more than its silence."""
    runs = SyncJobRun.objects.filter(environment__in=environments)
    unasked = runs.filter(stop_requested_at=None)
    return {
        Reason.SILENT: unasked.filter(silent(now - SILENT_FOR)),
        Reason.STOPPING: runs.live().filter(stop_requested_at__lt=now - STOPPING_FOR),
        Reason.WAITING: unasked.filter(_waiting_in_vain(now)),
        Reason.FAILED: runs.filter(status=RunStatus.FAILED, created_at__gt=now - FAILURES_SINCE).exclude(
            Exists(_later_outcome())
        ),
    }


def _waiting_in_vain(now: datetime) -> Q:
    """Runs that a daemon of their group would begin or go on with, if one were alive."""
    since = now - WAITING_FOR
    waiting = Q(status=RunStatus.CREATED, created_at__lt=since) | unclaimed(since) & Q(updated_at__lt=since)
    return waiting & ~of_groups(Daemon.objects.living_groups())


def _later_outcome() -> QuerySet[SyncJobRun]:
    """Supersedes a failure: a later run of the same job, account and args that completed, or that failed in turn."""
    return SyncJobRun.objects.filter(
        sync_job=OuterRef("sync_job"),
        integrated_account=OuterRef("integrated_account"),
        args_hash=OuterRef("args_hash"),
        created_at__gt=OuterRef("created_at"),
        status__in=[RunStatus.COMPLETED, RunStatus.FAILED],
    )
