"""One execution of a job against an account: its states, and which actions each state allows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.base import CountedModel, Now
from runs.models.environment import Environment
from runs.models.integration import IntegratedAccount
from runs.models.webhook import Webhook

RECORD_STORE = "record_store"
DEFAULT_GROUP = "default"


class RunStatus(models.TextChoices):
    """The five states of the contract. The last three are final: nothing leaves them."""

    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


LIVE = (RunStatus.CREATED, RunStatus.RUNNING)


class ErrorHandling(models.TextChoices):
    FAIL_FAST = "fail_fast"
    IGNORE = "ignore"
    BATCH = "batch"


class RunTrigger(models.TextChoices):
    """What started a run."""

    API = "api"
    DASHBOARD = "dashboard"
    ADMIN = "admin"
    SCHEDULE = "schedule"
    RERUN = "rerun"
    CLI = "cli"


class Action(StrEnum):
    """What a person may do with a run."""

    STOP = "stop"
    FORCE_STOP = "force_stop"
    RERUN = "rerun"


FORCE_AFTER = timedelta(seconds=60)  # a daemon looks about once a second: one that has not looked by then hangs
LONGEST_REASON = 500

_LEGAL = {
    RunStatus.CREATED: {Action.STOP},
    RunStatus.RUNNING: {Action.STOP, Action.FORCE_STOP},
    RunStatus.COMPLETED: {Action.RERUN},
    RunStatus.FAILED: {Action.RERUN},
    RunStatus.STOPPED: {Action.RERUN},
}


def destination_constraint(name: str) -> models.CheckConstraint:
    """Exactly one of webhook and daemon group."""
    webhook, group = Q(webhook__isnull=False), Q(daemon_group_key__isnull=False)
    return models.CheckConstraint(condition=(webhook & ~group) | (group & ~webhook), name=name)


def of_groups(groups: Collection[str]) -> Q:
    """Runs that daemons of these groups execute; webhook runs, which name none, are the default group's."""
    return Q(daemon_group_key__in=groups) | (Q(daemon_group_key=None) if DEFAULT_GROUP in groups else Q(pk__in=[]))


class RunQuerySet(models.QuerySet["SyncJobRun"]):
    def live(self) -> Self:
        return self.filter(status__in=LIVE)

    def that_can(self, action: Action) -> Self:
        """Those for which `run.can(action)` holds by the database's clock, as a query."""
        legal = self.filter(status__in=[status for status, actions in _LEGAL.items() if action in actions])
        if action != Action.FORCE_STOP:
            return legal
        overdue = Q(stop_requested_at__lte=Now() - FORCE_AFTER) | Q(lease_until__lt=Now())
        return legal.filter(overdue, stop_requested_at__isnull=False)


class SyncJobRun(CountedModel):
    """The queue of record: a broker message only says "look at this run".

    Every change of state is a conditional UPDATE whose row count is checked (`runs.engine.claim`,
    `runs.services`); never `save()` a run that exists, it would overwrite what a worker or a person wrote meanwhile.

    A run that is `running` without a lease waits: between two slices, or parked until `resume_at`.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="runs")
    sync_job = models.ForeignKey("runs.SyncJob", on_delete=models.PROTECT, related_name="runs")
    integrated_account = models.ForeignKey(IntegratedAccount, on_delete=models.PROTECT, related_name="runs")
    args = models.JSONField(default=dict)
    args_hash = models.CharField(max_length=64)
    resources = models.JSONField(default=list)
    has_own_resources = models.BooleanField(default=False, help_text="Given at creation, not taken from the job.")
    webhook = models.ForeignKey(Webhook, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    daemon_group_key = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - null on the wire
    destination = models.CharField(max_length=36, help_text="`record_store`, or the webhook's id.")
    error_handling = models.CharField(max_length=10, choices=ErrorHandling.choices, default=ErrorHandling.IGNORE)
    ignore_previous_run = models.BooleanField(default=False)
    version = models.PositiveSmallIntegerField(default=1)
    forced = models.BooleanField(default=False)

    trigger = models.CharField(max_length=10, choices=RunTrigger.choices)
    created_by = models.CharField(max_length=150, blank=True)
    rerun_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reruns")
    cron_trigger = models.ForeignKey(
        "runs.CronTrigger", null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    scheduled_for = models.DateTimeField(null=True, blank=True)

    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.CREATED)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    stop_requested_by = models.CharField(max_length=150, blank=True)
    stop_reason = models.CharField(max_length=LONGEST_REASON, blank=True, default="", db_default="")
    rate_limited_until = models.DateTimeField(null=True, blank=True)

    daemon_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null on the wire
    attempt = models.PositiveIntegerField(default=0, help_text="1 at the first claim, one more per lost worker.")
    crashes = models.PositiveSmallIntegerField(default=0, help_text="Lost workers since the last page.")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    resume_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    request_share = models.PositiveSmallIntegerField(
        default=0, help_text="Requests it may have in flight: its part of what its account may have."
    )
    request_wish = models.PositiveSmallIntegerField(default=0, help_text="Requests it could have in flight.")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "sync job run"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_known"),
            models.CheckConstraint(
                condition=Q(error_handling__in=ErrorHandling.values), name="run_error_handling_known"
            ),
            models.CheckConstraint(condition=Q(trigger__in=RunTrigger.values), name="run_trigger_known"),
            models.CheckConstraint(condition=Q(version__in=[1, 2]), name="run_version_known"),
            models.CheckConstraint(
                condition=~Q(error_handling=ErrorHandling.BATCH) | Q(version=2), name="run_batch_needs_version_2"
            ),
            models.CheckConstraint(
                condition=Q(status__in=LIVE, finished_at=None)
                | Q(status__in=[RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED], finished_at__isnull=False),
                name="run_finished_has_time",
            ),
            destination_constraint("run_one_destination"),
            models.UniqueConstraint(
                fields=["sync_job", "integrated_account", "args_hash", "destination"],
                condition=Q(status__in=LIVE, forced=False),
                name="run_one_live",
            ),
            models.UniqueConstraint(fields=["cron_trigger", "scheduled_for"], name="run_slot_once"),
        ]
        indexes = [
            models.Index(fields=["environment", "-created_at", "-id"], name="run_list"),
            models.Index(fields=["environment", "status", "-created_at", "-id"], name="run_by_status"),
            models.Index(fields=["sync_job", "-created_at", "-id"], name="run_by_job"),
            models.Index(fields=["integrated_account", "-created_at", "-id"], name="run_by_account"),
            models.Index(fields=["-created_at", "-id"], name="run_of_all"),
            models.Index(fields=["lease_until"], condition=Q(status__in=LIVE), name="run_live"),
            models.Index(
                fields=["integrated_account"], condition=Q(lease_token__isnull=False), name="run_held_by_account"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def can(self, action: Action, now: datetime | None = None) -> bool:
        """Whether the run's state allows the action. Buttons, API, bulk and admin all ask here.

        `now` matters to what depends on the time; by default it is this process's.
        """
        legal = action in _LEGAL[RunStatus(self.status)]
        return legal and (action != Action.FORCE_STOP or self._stop_is_overdue(now or timezone.now()))

    def _stop_is_overdue(self, now: datetime) -> bool:
        """Whether a stop has been asked for, and whoever has to carry it out is late or gone."""
        if self.stop_requested_at is None:
            return False
        is_abandoned = self.lease_until is not None and self.lease_until < now
        return is_abandoned or self.stop_requested_at <= now - FORCE_AFTER

    @property
    def force_stop_from(self) -> datetime | None:
        """When a stop that was asked for may be forced at the latest; None where none was."""
        return None if self.stop_requested_at is None else self.stop_requested_at + FORCE_AFTER

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_stopping(self) -> bool:
        """Running, and somebody has asked it to stop."""
        return self.is_live and self.stop_requested_at is not None

    @property
    def queue_group(self) -> str:
        """The daemon group that executes it; webhook runs belong to the default group's daemons."""
        return self.daemon_group_key or DEFAULT_GROUP

    def elapsed(self, now: datetime) -> timedelta | None:
        """From the first start to the end, or to now; None before the start."""
        return None if self.started_at is None else (self.finished_at or now) - self.started_at

    def resource_stats(self) -> dict[str, dict[str, dict[str, int]]]:
        """Fetched and persisted per resource and method, summed over the run's steps."""
        stats: dict[str, dict[str, dict[str, int]]] = {}
        for step in self.steps.all():
            counts = stats.setdefault(step.resource, {}).setdefault(step.method, {"fetched": 0, "persisted": 0})
            counts["fetched"] += step.fetched
            counts["persisted"] += step.persisted
        return stats

    def error_text(self) -> str:
        """The failure in one line, empty when there is none."""
        error: dict[str, Any] = self.error or {}
        where = f"{error['resource']}: " if error.get("resource") else ""
        return f"{where}{error['message']}" if error else ""
