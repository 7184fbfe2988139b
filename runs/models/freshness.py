"""How fresh an account's data is: what the ends of its runs have left, small enough to be read for a whole list.

Written in the transaction that ends a run (`runs.engine.freshness`), and by nothing else. Rows of their own rather than
columns of the account: people lock and change that one, and a run's end would have to wait for them.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from runs.models.integration import IntegratedAccount
from runs.models.job import SyncJob
from runs.models.run import SyncJobRun
from runs.models.run_state import RunStatus


class Ending(models.TextChoices):
    """How a run has ended, with the difference that people look for."""

    COMPLETED = "completed", _("Completed")
    WARNED = "warned", _("Completed with errors or warnings")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")


# Of several endings in one place the first one is shown: what needs somebody hides what does not.
WORST_FIRST = (Ending.FAILED, Ending.WARNED, Ending.STOPPED, Ending.COMPLETED)


def ending_of(run: SyncJobRun) -> Ending:
    """The ending of a run that has ended."""
    if run.status == RunStatus.COMPLETED and (run.error_count or run.warning):
        return Ending.WARNED
    return Ending(run.status)


class Endings(models.Model):
    """The last run that completed without a failed entry, and the last one that ended in any way."""

    last_completed_at = models.DateTimeField(null=True, blank=True)
    last_ended_at = models.DateTimeField(null=True, blank=True)
    last_ending = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    last_run_id = models.UUIDField(null=True, blank=True, help_text="The run that ended last.")

    class Meta:
        abstract = True


class AccountFreshness(Endings):
    """Of an account. One that no run has ended for has no row."""

    account = models.OneToOneField(
        IntegratedAccount, primary_key=True, on_delete=models.CASCADE, related_name="freshness"
    )

    class Meta:
        verbose_name_plural = "account freshness"

    def __str__(self) -> str:
        return f"the freshness of {self.account_id}"


class JobFreshness(Endings):
    """Of an account, by one job."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(
        IntegratedAccount, on_delete=models.CASCADE, related_name="job_freshness", db_index=False
    )
    sync_job = models.ForeignKey(SyncJob, on_delete=models.CASCADE, related_name="freshness")

    class Meta:
        verbose_name_plural = "job freshness"
        constraints = [models.UniqueConstraint(fields=["account", "sync_job"], name="job_freshness_once")]

    def __str__(self) -> str:
        return f"the freshness of {self.account_id} by {self.sync_job_id}"


class AccountDay(models.Model):
    """How many of an account's runs ended on a day (UTC), by how they ended.

    Two weeks of fifty accounts are 700 of these rows, but any number of runs.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(IntegratedAccount, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    completed = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    stopped = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="account_day_once")]
        indexes = [models.Index(fields=["day"], name="account_day_age")]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.day}"
