"""Who is told when a job begins to fail for an account, goes on failing, or has recovered; and what they were told."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from runs.models.base import DeletableModel, TimedModel
from runs.models.environment import Environment
from runs.models.fields import EncryptedJSONField
from runs.models.integration import IntegratedAccount
from runs.models.job import SyncJob
from runs.models.run import SyncJobRun
from runs.models.webhook import new_secret


class AlertChannel(models.TextChoices):
    """How a message gets to its readers."""

    MAIL = "mail", _("Mail")
    SLACK = "slack", _("Slack or compatible")
    WEBHOOK = "webhook", _("Signed webhook")


class AlertKind(models.TextChoices):
    """What a message tells."""

    FIRST_FAILURE = "first_failure", _("First failure")
    NTH_FAILURE = "nth_failure", _("Goes on failing")
    RECOVERY = "recovery", _("Recovered")
    TEST = "test", _("Test")


class AlertRule(DeletableModel):
    """Whom to tell of which changes. A job or an account that is null stands for all of them.

    `target` is the addresses of a mail, separated by commas, or the address of a receiver, which is a secret: whoever
    knows a Slack webhook may post to its channel. The signing secret is the signed webhook's alone.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="alert_rules")
    name = models.CharField(max_length=100)
    sync_job = models.ForeignKey(SyncJob, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules")
    integrated_account = models.ForeignKey(
        IntegratedAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules"
    )
    channel = models.CharField(max_length=10, choices=AlertChannel.choices)
    target = EncryptedJSONField()
    secret = EncryptedJSONField(default=new_secret, editable=False)
    on_first_failure = models.BooleanField(default=True)
    on_nth_failure = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Tell of this many failures in a row; null: don't."
    )
    on_recovery = models.BooleanField(default=True)
    muted_until = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    failing_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The first message given up after the last that was taken."
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(channel__in=AlertChannel.values), name="alert_channel_known"),
        ]
        indexes = [
            models.Index(fields=["environment", "-created_at", "-id"], name="alert_rule_list"),
            # Asked at the end of every run.
            models.Index(
                fields=["environment"], condition=Q(is_active=True, deleted_at=None), name="alert_rule_active"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def sends(self) -> bool:
        """Whether it tells anybody of anything at all, muted or not."""
        return self.is_active and self.deleted_at is None

    def is_muted_at(self, now: datetime) -> bool:
        return self.muted_until is not None and self.muted_until > now

    @property
    def is_muted(self) -> bool:
        return self.is_muted_at(timezone.now())

    @property
    def addresses(self) -> list[str]:
        """The readers of a mail."""
        return [address.strip() for address in str(self.target).split(",")]

    @property
    def shown_target(self) -> str:
        """The target as pages show it: of an address that is a secret, where it leads to and no more."""
        if self.channel == AlertChannel.MAIL:
            return ", ".join(self.addresses)
        parts = urlsplit(str(self.target))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"


class AlertState(TimedModel):
    """Where a job stands with an account, in the eyes of a rule.

    `failures` in a row are what happened; `alerted_since` and `is_nth_told` are what people were told of it. A message
    is due where the two differ. Written by `runs.engine.alerts` alone, with the row locked.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    sync_job = models.ForeignKey(SyncJob, on_delete=models.CASCADE, related_name="alert_states")
    integrated_account = models.ForeignKey(IntegratedAccount, on_delete=models.CASCADE, related_name="alert_states")
    last_run_id = models.UUIDField(null=True, help_text="The newest run whose end was considered; ids grow with time.")
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, help_text="The end of the first of them.")
    alerted_since = models.DateTimeField(null=True, help_text="People were told that it fails, and not yet otherwise.")
    is_nth_told = models.BooleanField(default=False)
    held_back = models.CharField(
        max_length=20, choices=AlertKind.choices, blank=True, help_text="What a mute has kept from being told last."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "sync_job", "integrated_account"], name="alert_state_once"),
        ]
        indexes = [
            models.Index(fields=["rule", "failing_since"], condition=Q(failures__gt=0), name="alert_state_failing"),
        ]

    def __str__(self) -> str:
        return f"{self.failures} in a row"


class MessageStatus(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AlertMessage(TimedModel):
    """One message of a rule, to be sent by a courier. Its id and content never change, however often it is tried.

    Whoever sends it sets `next_attempt_at` ahead for as long as an attempt may take, so that nobody else does.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="messages")
    run = models.ForeignKey(SyncJobRun, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_messages")
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    content = models.JSONField(help_text="What the signed webhook gets as its payload; the others get its text.")
    status = models.CharField(max_length=10, choices=MessageStatus.choices, default=MessageStatus.PENDING)
    is_muted = models.BooleanField(default=False, help_text="Cancelled from the beginning, because the rule was muted.")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=AlertKind.values), name="alert_kind_known"),
            models.CheckConstraint(condition=Q(status__in=MessageStatus.values), name="alert_status_known"),
        ]
        indexes = [
            models.Index(fields=["rule", "-created_at", "-id"], name="alert_message_list"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(status=MessageStatus.PENDING), name="alert_message_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"
