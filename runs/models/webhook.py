"""Where records and events are sent to, and every event that was."""

from __future__ import annotations

import base64
import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from runs.models.base import DeletableModel, TimedModel
from runs.models.environment import Environment
from runs.models.fields import EncryptedJSONField


def new_secret() -> str:
    """A signing secret in the form of the Standard Webhooks specification: `whsec_` and 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookEvent(models.TextChoices):
    """What a webhook can be told of (contract 4)."""

    CREATED = "sync_job_run:created"
    STARTED = "sync_job_run:started"
    RECORD = "sync_job_run:record"
    RECORD_ERROR = "sync_job_run:record_error"
    RATE_LIMITED = "sync_job_run:rate_limited"
    UPDATED = "sync_job_run:updated"
    COMPLETED = "sync_job_run:completed"
    FAILED = "sync_job_run:failed"
    STOPPED = "sync_job_run:stopped"
    TEST = "test"


class Webhook(DeletableModel):
    """A receiver of events. `event_types` null means all of them.

    One that fails for long is switched off: `is_active` false, with the reason beside it.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="webhooks")
    target_url = models.URLField(max_length=2000)
    is_active = models.BooleanField(default=True)
    event_types = models.JSONField(null=True, blank=True)
    secret = EncryptedJSONField(default=new_secret, editable=False)
    failing_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The first failed attempt after the last success."
    )
    failure_count = models.PositiveIntegerField(default=0, editable=False, help_text="Failed attempts since then.")
    disabled_reason = models.TextField(blank=True, editable=False, help_text="Why Syncdeck has switched it off.")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["environment", "-created_at", "-id"], name="webhook_list")]

    def __str__(self) -> str:
        return self.target_url

    def subscribes(self, event: str) -> bool:
        """Whether it wants to be told of this kind of event."""
        return self.event_types is None or event in self.event_types

    @property
    def takes_events(self) -> bool:
        """Whether anything may be sent to it now."""
        return self.is_active and self.deleted_at is None


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Delivery(TimedModel):
    """One event for one webhook. Its id and body never change, however often it is sent.

    The pending ones of a webhook and run are a queue by `sequence`: only the first may be sent. Whoever sends it sets
    `next_attempt_at` ahead for as long as an attempt may take, so that nobody else does.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    run = models.ForeignKey(
        "runs.SyncJobRun", null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=60)
    sequence = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Position among the events of the run for this webhook."
    )
    step = models.ForeignKey("runs.RunStep", null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")
    record_count = models.PositiveIntegerField(default=0, help_text="What the step is credited with on delivery.")
    is_awaited = models.BooleanField(
        default=False, help_text="The run goes on after its acknowledgement only, and sends it itself."
    )
    body = models.BinaryField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since it was written, or sent again by a person.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    attempt_log = models.JSONField(default=list, blank=True, help_text="The last attempts: time, answer, milliseconds.")
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DeliveryStatus.values), name="delivery_status_known"),
            models.UniqueConstraint(fields=["run", "webhook", "sequence"], name="delivery_sequence_once"),
        ]
        indexes = [
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_list"),
            models.Index(fields=["next_attempt_at"], condition=Q(status=DeliveryStatus.PENDING), name="delivery_due"),
            models.Index(
                fields=["webhook", "run", "sequence"],
                condition=Q(status=DeliveryStatus.PENDING),
                name="delivery_queue",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.status}"
