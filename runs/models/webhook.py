"""Where records and events are sent to, and every event that was."""

from __future__ import annotations

import base64
import secrets

from django.db import models
from django.db.models import Q

from runs.models.base import DeletableModel, TimedModel
from runs.models.environment import Environment
from runs.models.fields import EncryptedJSONField


def new_secret() -> str:
    """A signing secret in the form of the Standard Webhooks specification: `whsec_` and 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Webhook(DeletableModel):
    """A receiver of events. `event_types` null means all of them."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="webhooks")
    target_url = models.URLField(max_length=2000)
    is_active = models.BooleanField(default=True)
    event_types = models.JSONField(null=True, blank=True)
    secret = EncryptedJSONField(default=new_secret, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["environment", "-created_at", "-id"], name="webhook_list")]

    def __str__(self) -> str:
        return self.target_url


class DeliveryStatus(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(TimedModel):
    """One event for one webhook. Its id and body never change, however often it is sent."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    run = models.ForeignKey(
        "runs.SyncJobRun", null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=60)
    sequence = models.PositiveBigIntegerField(null=True, blank=True, help_text="Position within the run.")
    body = models.BinaryField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.TextField(blank=True)
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
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.status}"
