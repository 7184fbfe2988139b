"""The record store."""

from __future__ import annotations

from django.db import models

from runs.models.base import uuid7
from runs.models.integration import IntegratedAccount
from runs.models.run import SyncJobRun


class Record(models.Model):
    """The last state of one record of one account. Written by `runs.engine.sinks` only, in bulk.

    The runs are named without a constraint in the database: each of millions of rows would pay for the check,
    and a run may be pruned while its records stay.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    integrated_account = models.ForeignKey(IntegratedAccount, on_delete=models.CASCADE, related_name="records")
    resource = models.CharField(max_length=255)
    record_id = models.CharField(max_length=512)
    data = models.JSONField()
    content_hash = models.BinaryField(max_length=16, help_text="BLAKE2b of the canonical JSON.")
    first_run = models.ForeignKey(
        SyncJobRun, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    last_run = models.ForeignKey(
        SyncJobRun, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was found to be gone at the source (`delete_tracking: soft`)."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["integrated_account", "resource", "record_id"], name="record_once")
        ]
        indexes = [
            models.Index(fields=["integrated_account", "-created_at", "-id"], name="record_list"),
            models.Index(fields=["integrated_account", "updated_at"], name="record_changed"),
            models.Index(fields=["-created_at", "-id"], name="record_of_all"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.record_id}"
