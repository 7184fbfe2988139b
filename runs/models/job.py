"""What to sync, and when."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from runs.models.base import DeletableModel
from runs.models.environment import Environment
from runs.models.integration import IntegratedAccount, Integration
from runs.models.run import destination_constraint
from runs.models.run_state import ErrorHandling
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


class SkipCode(models.TextChoices):
    """Why a slot passed without a run."""

    LIVE_RUN = "live_run", _("The same run was still live")
    REFUSED = "refused", _("The run would not have been accepted")


class CronTrigger(DeletableModel):
    """Starts runs of a job against an account at the slots of a cron expression, in UTC.

    It is armed while `is_active`; then `next_run_at` is its next slot, else null. Firing a slot moves `next_run_at` on
    by a conditional UPDATE in the transaction that inserts the run (`runs.services.firing`), so that no slot is lost
    and none fires twice. `updated_at` is when its definition changed; slots leave it alone.
    """

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
    completion_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a run of its job and account should have completed at the latest; null while none is awaited.",
    )
    last_run = models.ForeignKey(
        "runs.SyncJobRun", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    last_skipped_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_skip_code = models.CharField(max_length=10, choices=SkipCode.choices, blank=True, editable=False)
    last_skip_reason = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["next_run_at"]
        constraints = [
            destination_constraint("trigger_one_destination"),
            models.CheckConstraint(
                condition=Q(error_handling__in=ErrorHandling.values), name="trigger_error_handling_known"
            ),
            models.CheckConstraint(condition=Q(last_skip_code__in=["", *SkipCode.values]), name="trigger_skip_known"),
        ]
        indexes = [
            models.Index(fields=["environment", "-created_at", "-id"], name="trigger_list"),
            # Of all environments in one list, as superusers see it; else all are joined and sorted for fifty.
            models.Index(fields=["-created_at", "-id"], name="trigger_of_all"),
            models.Index(fields=["next_run_at"], condition=Q(is_active=True), name="trigger_due"),
        ]

    def __str__(self) -> str:
        return f"{self.sync_job} at {self.cron_expression}"

    @property
    def is_refused(self) -> bool:
        """Whether its latest slot passed because the run would not have been accepted."""
        skipped = self.last_skipped_at
        if skipped is None or self.last_skip_code != SkipCode.REFUSED:
            return False
        return self.last_run is None or self.last_run.created_at < skipped


def refused_triggers() -> Q:
    """`CronTrigger.is_refused` as a condition."""
    since = Q(last_run=None) | Q(last_run__created_at__lt=models.F("last_skipped_at"))
    return Q(last_skip_code=SkipCode.REFUSED) & since
