"""One entry of a run: its checkpoint and its statistics are the same row, so they cannot disagree."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from runs.models.base import CountedModel
from runs.models.run import SyncJobRun
from runs.prepared import Given, PreparedModels


class StepStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class RunStep(CountedModel):
    """The state of one resource entry within one run.

    The entry's requests are numbered in a fixed order. `position` is the first one that is not done, `cursor` the
    next page of that one (null: its first); both are written in the transaction that writes the page's records.
    """

    run = models.ForeignKey(SyncJobRun, on_delete=models.CASCADE, related_name="steps")
    index = models.PositiveSmallIntegerField(help_text="Position of the entry in the run's resources.")
    name = models.CharField(max_length=255)
    resource = models.CharField(max_length=255)
    method = models.CharField(max_length=100)
    persists = models.BooleanField(default=True, db_default=True, help_text="What it fetches is to be persisted.")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    status = models.CharField(max_length=10, choices=StepStatus.choices, default=StepStatus.PENDING)

    failed_requests = models.PositiveIntegerField(default=0, help_text="Errors that hold the entry's date.")
    pages = models.PositiveBigIntegerField(default=0)

    position = models.PositiveBigIntegerField(default=0)
    cursor = models.JSONField(null=True, blank=True)
    request_total = models.PositiveBigIntegerField(null=True, blank=True, help_text="Null until it is known.")

    incremental_key = models.CharField(
        max_length=64,
        help_text="Hash of job, account, args, destination, and the entry with its parents.",
    )
    previous_run_date = models.DateTimeField(null=True, blank=True)
    watermark = models.DateTimeField(
        null=True, blank=True, help_text="The run's start, once the entry and its parents ended without an error."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["index"]
        constraints = [
            models.UniqueConstraint(fields=["run", "index"], name="step_index_once"),
            models.UniqueConstraint(fields=["run", "name"], name="step_name_once"),
            models.CheckConstraint(condition=Q(status__in=StepStatus.values), name="step_status_known"),
        ]
        indexes = [
            models.Index(fields=["incremental_key", "-watermark"], name="step_watermark"),
            # The list of runs by resource. It grows at one place per resource, for the ids of runs are ordered by time.
            models.Index(fields=["resource", "run"], name="step_by_resource"),
        ]

    def __str__(self) -> str:
        return self.name


_STEPS = PreparedModels(lambda: RunStep.objects.filter(run=Given("run", models.UUIDField())))


def steps_of(run: SyncJobRun) -> list[RunStep]:
    """The run's steps in their order, read anew."""
    steps = _STEPS.rows(run=run.id)
    for step in steps:
        step.run = run
    return steps


class StagedParent(models.Model):
    """The fields of a parent's record that its children refer to, so that a resumed run sees the same list."""

    id = models.BigAutoField(primary_key=True)
    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="staged")
    sequence = models.PositiveBigIntegerField()
    batch = models.PositiveBigIntegerField(default=0, help_text="The page it came with, counted within the step.")
    data = models.JSONField()

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["step", "sequence"], name="staged_sequence_once")]

    def __str__(self) -> str:
        return f"{self.step_id} #{self.sequence}"


class FurtherRequest(models.Model):
    """A request that a record of the step's own led to (`recurse`), numbered behind those that it has anyway.

    One without a sequence is a first request that has led to others: kept so that a ring of records repeats neither.
    """

    id = models.BigAutoField(primary_key=True)
    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="further")
    sequence = models.PositiveBigIntegerField(null=True)
    origin = models.PositiveBigIntegerField(help_text="The number of the step's first request that it descends from.")
    depth = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64, help_text="Of what it asks: the same is asked once.")
    resources = models.JSONField(default=dict, help_text="What its placeholders see.")

    class Meta:
        ordering = ["sequence"]
        constraints = [
            models.UniqueConstraint(fields=["step", "sequence"], name="further_sequence_once"),
            models.UniqueConstraint(fields=["step", "digest"], name="further_digest_once"),
        ]

    def __str__(self) -> str:
        return f"{self.step_id} +{self.sequence}"


class SeenRecord(models.Model):
    """A record that the step has fetched, noted where the entry tracks deletions."""

    id = models.BigAutoField(primary_key=True)
    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="seen")
    record_id = models.CharField(max_length=512)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "record_id"], name="seen_record_once")]

    def __str__(self) -> str:
        return self.record_id


# What a run keeps until it ends, if one of its entries says this.
LIVING_ONLY: dict[type[models.Model], str] = {
    StagedParent: "depends_on",
    FurtherRequest: "recurse",
    SeenRecord: "delete_tracking",
}
