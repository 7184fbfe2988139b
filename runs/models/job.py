"""What to sync, and when."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from runs.models.base import DeletableModel, TimedModel
from runs.models.environment import Environment
from runs.models.integration import IntegratedAccount, Integration
from runs.models.run import ErrorHandling, destination_constraint
from runs.models.webhook import Webhook


class SyncJob(DeletableModel):
    """Which resources of one integration to sync. `resources` is checked before it is stored."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="jobs")
    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="jobs")
    label = models.CharField(max_length=200, default="Untitled")
    args_schema = models.JSONField(default=dict, blank=True)
    resources = models.JSONField(default=list)
    default_runtime_version = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["label"]
        constraints = [
            models.CheckConstraint(
                condition=Q(default_runtime_version=None) | Q(default_runtime_version__in=[1, 2]),
                name="job_version_known",
            )
        ]
        indexes = [models.Index(fields=["environment", "-created_at", "-id"], name="job_list")]

    def __str__(self) -> str:
        return self.label


class CronTrigger(TimedModel):
    """Starts runs of a job against an account at the slots of a cron expression, in UTC."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="cron_triggers")
    sync_job = models.ForeignKey(SyncJob, on_delete=models.CASCADE, related_name="cron_triggers")
    integrated_account = models.ForeignKey(IntegratedAccount, on_delete=models.CASCADE, related_name="cron_triggers")
    args = models.JSONField(default=dict, blank=True)
    cron_expression = models.CharField(max_length=100)
    webhook = models.ForeignKey(Webhook, null=True, blank=True, on_delete=models.CASCADE, related_name="cron_triggers")
    daemon_group_key = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - null on the wire
    error_handling = models.CharField(max_length=10, choices=ErrorHandling.choices, default=ErrorHandling.IGNORE)
    ignore_previous_run = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    next_run_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["next_run_at"]
        constraints = [
            destination_constraint("trigger_one_destination"),
            models.CheckConstraint(
                condition=Q(error_handling__in=ErrorHandling.values), name="trigger_error_handling_known"
            ),
        ]
        indexes = [
            models.Index(fields=["environment", "-created_at", "-id"], name="trigger_list"),
            models.Index(fields=["next_run_at"], condition=Q(is_active=True), name="trigger_due"),
        ]

    def __str__(self) -> str:
        return f"{self.sync_job} at {self.cron_expression}"
