"""Who did what: one line for each thing that a person, a program or a command has changed."""

from __future__ import annotations

from django.db import models

from runs.models.base import uuid7


class AuditEntry(models.Model):
    """A line of the audit list. Only ever added: the database refuses to change or remove one.

    Rows are named by id, kind and words rather than by keys of the database: the line outlives what it is about.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    environment_id = models.UUIDField(null=True, blank=True, help_text="None: it concerns the whole installation.")
    integrated_account_id = models.UUIDField(null=True, blank=True, help_text="The account on whose timeline it is.")
    actor = models.CharField(max_length=255, blank=True, help_text="The person, token or command that did it.")
    ip = models.GenericIPAddressField(null=True, blank=True)
    action = models.CharField(max_length=50, help_text="Noun and verb: run.stop, job.change, token.issue.")
    target_type = models.CharField(max_length=50, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=255, blank=True)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True, help_text="What changed; never a secret.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["environment_id", "-created_at", "-id"], name="audit_list"),
            models.Index(fields=["integrated_account_id", "-created_at", "-id"], name="audit_by_account"),
            models.Index(fields=["target_id", "-created_at", "-id"], name="audit_by_target"),
            models.Index(fields=["-created_at", "-id"], name="audit_of_all"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_label}"
