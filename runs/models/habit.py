"""What runs of one job usually are for one account: how long they take, and how many records they bring."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from runs.models.base import TimedModel
from runs.models.integration import IntegratedAccount
from runs.models.run_state import RunMode


class RunHabit(TimedModel):
    """The roll-up of the last completed runs of one job, account and mode. `runs.engine.outcome` writes it.

    `samples` holds one object a run, the oldest first: seconds, fetched, persisted, and per entry what it fetched. A
    page reads the columns beside it, never the samples. Percentiles are values that were seen, not ones in between.
    """

    sync_job = models.ForeignKey(
        "runs.SyncJob", on_delete=models.CASCADE, related_name="habits", db_index=False
    )  # `habit_once` begins with it
    integrated_account = models.ForeignKey(IntegratedAccount, on_delete=models.CASCADE, related_name="habits")
    mode = models.CharField(max_length=11, choices=RunMode.choices)
    samples = models.JSONField(default=list)
    sample_count = models.PositiveSmallIntegerField(default=0)
    median_seconds = models.FloatField(default=0)
    p10_seconds = models.FloatField(default=0)
    p90_seconds = models.FloatField(default=0)
    p95_seconds = models.FloatField(default=0)
    median_fetched = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(fields=["sync_job", "integrated_account", "mode"], name="habit_once"),
            models.CheckConstraint(condition=Q(mode__in=RunMode.values), name="habit_mode_known"),
        ]

    def __str__(self) -> str:
        return f"{self.sync_job_id} for {self.integrated_account_id}, {self.mode}"
