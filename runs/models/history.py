"""What happened to a run, in order, and which records or requests went wrong."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from runs.models.base import TimedModel, uuid7
from runs.models.run import SyncJobRun
from runs.models.step import RunStep


class EventKind(models.TextChoices):
    """What a line of the timeline tells."""

    CREATED = "created"
    STARTED = "started"
    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    DELETIONS = "deletions"
    RATE_LIMITED = "rate_limited"
    WORKER_LOST = "worker_lost"
    LATE_WORKER = "late_worker"
    SLOT_SKIPPED = "slot_skipped"
    STOP_REQUESTED = "stop_requested"
    WARNING = "warning"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class RunEvent(models.Model):
    """A line of the run's timeline. Only ever added."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(SyncJobRun, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    message = models.TextField()
    actor = models.CharField(max_length=255, blank=True, help_text="The person, token or daemon that did it.")
    details = models.JSONField(null=True, blank=True, help_text="What pages count with; see `runs.attempts`.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["run", "created_at", "id"], name="event_list")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class RecordError(TimedModel):
    """A request or a record that went wrong in a run which went on."""

    run = models.ForeignKey(SyncJobRun, on_delete=models.CASCADE, related_name="record_errors")
    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="record_errors")
    resource = models.CharField(max_length=255)
    method = models.CharField(max_length=100)
    record_id = models.CharField(max_length=512, blank=True)
    code = models.CharField(max_length=50)
    message = models.TextField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    url = models.TextField(blank=True, help_text="Without its secrets.")
    excerpt = models.TextField(blank=True, help_text="The start of what the source answered, or of the record.")
    fingerprint = models.CharField(max_length=64, blank=True)
    is_told = models.BooleanField(
        default=False, help_text="Webhooks have been told of it, in runs that tell in groups."
    )
    is_quarantine = models.BooleanField(default=False, help_text="A record that can't be stored; the date moves on.")

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [
            models.Index(fields=["run", "created_at", "id"], name="record_error_list"),
            models.Index(fields=["fingerprint", "-created_at"], name="record_error_group"),
            # Few are kept aside: what they are found by costs the others nothing.
            models.Index(fields=["created_at", "id"], condition=Q(is_quarantine=True), name="quarantine_list"),
            models.Index(fields=["run", "created_at", "id"], condition=Q(is_quarantine=True), name="quarantine_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
