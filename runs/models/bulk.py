"""One action on many runs: what was asked for, and what became of each run."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from runs.models.base import TimedModel, uuid7
from runs.models.environment import Environment, User
from runs.models.run import SyncJobRun
from runs.models.run_state import LONGEST_REASON


class BulkKind(models.TextChoices):
    STOP = "stop", _("Stop")
    RERUN = "rerun", _("Rerun")
    RERUN_IGNORING = "rerun_ignoring", _("Rerun, ignore previous run date")


class BulkStatus(models.TextChoices):
    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"


class BulkOutcome(models.TextChoices):
    """What became of one run. `already`: nothing was left to do."""

    PENDING = "pending", _("Waiting")
    DONE = "done", _("Done")
    ALREADY = "already", _("Nothing to do")
    REFUSED = "refused", _("Refused")
    CANCELLED = "cancelled", _("Cancelled")


class BulkActionQuerySet(models.QuerySet["BulkAction"]):
    def seen_by(self, person: User) -> Self:
        """Those of whose runs this person may see every one."""
        touched = BulkAction.environments.through.objects.filter(bulkaction=models.OuterRef("pk"))
        visible = Q(environment__in=person.visible_environments())
        return self.filter(models.Exists(touched.filter(visible)), ~models.Exists(touched.exclude(visible)))


class BulkAction(TimedModel):
    """The order, kept as it was confirmed. Its items are the runs that matched then, whatever matches later.

    A message only says "look at this action"; `lease_until` keeps a second one from working beside the first.
    """

    kind = models.CharField(max_length=20, choices=BulkKind.choices)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    is_selection = models.BooleanField(default=False, help_text="The runs were picked one by one, not by a filter.")
    query = models.TextField(blank=True, help_text="The query string of the filter that was confirmed.")
    set_hash = models.CharField(max_length=64, help_text="Of the ids that were confirmed.")
    run_count = models.PositiveIntegerField()
    done_count = models.PositiveIntegerField(default=0)
    already_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)
    cancelled_count = models.PositiveIntegerField(default=0)
    environments = models.ManyToManyField(Environment, related_name="bulk_actions")

    status = models.CharField(max_length=10, choices=BulkStatus.choices, default=BulkStatus.CREATED)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = BulkActionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=BulkKind.values), name="bulk_kind_known"),
            models.CheckConstraint(condition=Q(status__in=BulkStatus.values), name="bulk_status_known"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="bulk_list"),
            models.Index(fields=["id"], condition=~Q(status=BulkStatus.COMPLETED), name="bulk_unfinished"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.run_count} run{'' if self.run_count == 1 else 's'}"

    @property
    def is_live(self) -> bool:
        return self.status != BulkStatus.COMPLETED

    @property
    def decided_count(self) -> int:
        return self.done_count + self.already_count + self.refused_count + self.cancelled_count

    @property
    def counts(self) -> dict[BulkOutcome, int]:
        """How many of its runs came to each outcome."""
        return {
            BulkOutcome.PENDING: self.run_count - self.decided_count,
            BulkOutcome.DONE: self.done_count,
            BulkOutcome.ALREADY: self.already_count,
            BulkOutcome.REFUSED: self.refused_count,
            BulkOutcome.CANCELLED: self.cancelled_count,
        }


class BulkItem(models.Model):
    """One run of a bulk action. It leaves `pending` once, in the transaction that does what was asked."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    action = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="items")
    run = models.ForeignKey(SyncJobRun, on_delete=models.CASCADE, related_name="bulk_items")
    outcome = models.CharField(max_length=10, choices=BulkOutcome.choices, default=BulkOutcome.PENDING)
    words = models.TextField(blank=True, help_text="Why, where it was not simply done.")
    other_run = models.ForeignKey(
        SyncJobRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The new run; of a refused rerun the one that was in its way.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["action", "run"], name="bulk_item_once"),
            models.CheckConstraint(condition=Q(outcome__in=BulkOutcome.values), name="bulk_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["action", "created_at", "id"], name="bulk_item_list"),
            models.Index(fields=["action", "outcome", "created_at", "id"], name="bulk_item_by_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.outcome}"
