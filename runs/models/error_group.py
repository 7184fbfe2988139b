"""Errors of one kind, and in which runs they were seen."""

from __future__ import annotations

from django.db import models

from runs.models.base import uuid7
from runs.models.environment import Environment
from runs.models.integration import IntegratedAccount
from runs.models.job import SyncJob
from runs.models.run import SyncJobRun


class ErrorGroup(models.Model):
    """One trouble of an environment: all errors with the same fingerprint.

    Written once, by the first run that meets it; how often it is met stands in the sightings, one per run, so that runs
    which fail at the same moment never wait for each other's counts. Afterwards only its note changes.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="error_groups", db_index=False)
    fingerprint = models.CharField(max_length=64)
    code = models.CharField(max_length=50)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    resource = models.CharField(max_length=255, blank=True)
    method = models.CharField(max_length=100, blank=True)
    title = models.TextField(help_text="The message, with … for what differs from one error to the next.")
    note = models.TextField(blank=True, help_text="What people know of its cause.")
    note_by = models.CharField(max_length=150, blank=True)
    note_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["environment", "fingerprint"], name="error_group_once")]

    def __str__(self) -> str:
        return f"{self.code}: {self.title}"


class ErrorSighting(models.Model):
    """How often a run has met the errors of a group.

    Only a worker that holds the run's row writes it, in the transaction that writes the errors themselves. The columns
    of its indexes never change, so counting on is a cheap write.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, related_name="sightings", db_index=False)
    run = models.ForeignKey(SyncJobRun, on_delete=models.CASCADE, related_name="sightings")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+", db_index=False)
    integrated_account = models.ForeignKey(
        IntegratedAccount, on_delete=models.CASCADE, related_name="sightings", db_index=False
    )
    sync_job = models.ForeignKey(SyncJob, on_delete=models.CASCADE, related_name="+", db_index=False)
    count = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["group", "run"], name="error_sighting_once")]
        indexes = [
            models.Index(fields=["environment", "-created_at"], name="error_sighting_list"),
            models.Index(fields=["group", "-created_at", "-id"], name="error_sighting_of_group"),
            models.Index(fields=["integrated_account", "-created_at"], name="error_sighting_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.group_id} in {self.run_id}: {self.count}"
