"""One execution of a job against an account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.base import CountedModel
from runs.models.environment import Environment
from runs.models.integration import IntegratedAccount
from runs.models.run_queries import NOTABLE, RunQuerySet
from runs.models.run_state import (
    DEFAULT_GROUP,
    FORCE_AFTER,
    LEGAL,
    LIVE,
    LONGEST_REASON,
    Action,
    ErrorHandling,
    RunMode,
    RunStatus,
    RunTrigger,
)
from runs.models.warning import DataWarning, WarningCode
from runs.models.webhook import Webhook


def destination_constraint(name: str) -> models.CheckConstraint:
    """Exactly one of webhook and daemon group."""
    webhook, group = Q(webhook__isnull=False), Q(daemon_group_key__isnull=False)
    return models.CheckConstraint(condition=(webhook & ~group) | (group & ~webhook), name=name)


class SyncJobRun(CountedModel):
    """The queue of record: a broker message only says "look at this run".

    Every change of state is a conditional UPDATE whose row count is checked (`runs.engine.claim`,
    `runs.services`); never `save()` a run that exists, it would overwrite what a worker or a person wrote meanwhile.

    A run that is `running` without a lease waits: between two slices, or parked until `resume_at`.
    """

    # No index of a column alone where another begins with it: it would be written at every page of a run, and a planner
    # that takes it for the cheaper one reads all runs of an account to find those after a moment.
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="runs", db_index=False)
    sync_job = models.ForeignKey("runs.SyncJob", on_delete=models.PROTECT, related_name="runs", db_index=False)
    integrated_account = models.ForeignKey(
        IntegratedAccount, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
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
        "runs.CronTrigger", null=True, blank=True, on_delete=models.SET_NULL, related_name="runs", db_index=False
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
    is_incremental = models.BooleanField(
        default=False, db_default=False, help_text="An entry of it has gone by the date of a previous run."
    )

    warning = models.CharField(
        max_length=11, choices=WarningCode.choices, blank=True, default="", db_default="",
        help_text="What looks wrong with the records of a completed run: the gravest of `warnings`.",
    )  # fmt: skip
    warnings = models.JSONField(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    # Kept, not compared when it is read: the run itself has become a part of what is usual since then.
    usual_limit = models.DurationField(
        null=True, blank=True, help_text="What 95 in 100 runs like it took at most, if it took longer."
    )
    superseded_at = models.DateTimeField(
        null=True, blank=True, help_text="When a later run of the same job, account and args completed or failed."
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True, help_text="When a person settled it.")
    acknowledged_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    keep_open = models.BooleanField(
        default=False, db_default=False, help_text="A person wants to see it until a person has settled it."
    )
    # A column, and not only a condition: planners have to know how few they are, or they walk all runs to find them.
    is_unsettled = models.GeneratedField(
        expression=models.ExpressionWrapper(
            Q(superseded_at=None, acknowledged_at=None) & NOTABLE, output_field=models.BooleanField()
        ),
        output_field=models.BooleanField(
            help_text="It failed, or completed with a warning, and neither a later run nor a person has settled it."
        ),
        db_persist=True,
    )

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
    read_at: datetime  # of one that was claimed: the database's time then

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
            models.CheckConstraint(condition=Q(warning__in=["", *WarningCode.values]), name="run_warning_known"),
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
            # By what never changes: the lease is renewed with every page, which then touches no index at all.
            models.Index(fields=["status", "id"], condition=Q(status__in=LIVE), name="run_live"),
            # What the sweep looks for every few seconds, however many runs are queued.
            models.Index(fields=["resume_at"], condition=Q(resume_at__isnull=False), name="run_parked"),
            models.Index(
                fields=["stop_requested_at"],
                condition=Q(stop_requested_at__isnull=False, status__in=LIVE),
                name="run_stopping",
            ),
            # Written once in a run's life; what has ended since is counted by it (`/metrics`).
            models.Index(fields=["finished_at", "id"], condition=Q(finished_at__isnull=False), name="run_ended"),
            models.Index(
                fields=["integrated_account"], condition=Q(lease_token__isnull=False), name="run_held_by_account"
            ),
            # Both stay small: a run leaves them as soon as it is settled.
            models.Index(
                fields=["environment", "-created_at", "-id"], condition=Q(is_unsettled=True), name="run_unsettled"
            ),
            models.Index(
                fields=["integrated_account", "sync_job", "args_hash"],
                condition=Q(is_unsettled=True),
                name="run_unsettled_of",
            ),
            models.Index(
                fields=["environment", "-created_at", "-id"], condition=Q(usual_limit__isnull=False), name="run_slow"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def can(self, action: Action, now: datetime | None = None) -> bool:
        """Whether the run's state allows the action. Buttons, API, bulk and admin all ask here.

        `now` matters to what depends on the time; by default it is this process's.
        """
        if action == Action.ACKNOWLEDGE:
            return self.is_unsettled
        if action == Action.REOPEN:
            return self.is_notable and not self.is_unsettled
        legal = action in LEGAL[RunStatus(self.status)]
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
    def mode(self) -> RunMode:
        """How it fetches; full until the first entry begins that has a date to go by."""
        return RunMode.INCREMENTAL if self.is_incremental else RunMode.FULL

    @property
    def data_warnings(self) -> list[DataWarning]:
        return [DataWarning.from_json(value) for value in self.warnings]

    @property
    def is_notable(self) -> bool:
        """Failed, or completed with a warning."""
        return self.status == RunStatus.FAILED or bool(self.warning)

    @property
    def has_failed_entries(self) -> bool:
        """Completed, though an entry of it has failed as a whole: what is in the store is as old as it was."""
        return self.warning == WarningCode.FAILED

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
