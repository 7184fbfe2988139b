"""The states of a run, what brings it there, and which actions each state allows."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from django.db import models

RECORD_STORE = "record_store"
DEFAULT_GROUP = "default"


class RunStatus(models.TextChoices):
    """The five states of the contract. The last three are final: nothing leaves them."""

    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


LIVE = (RunStatus.CREATED, RunStatus.RUNNING)


class ErrorHandling(models.TextChoices):
    FAIL_FAST = "fail_fast"
    IGNORE = "ignore"
    BATCH = "batch"


class RunTrigger(models.TextChoices):
    """What started a run."""

    API = "api"
    DASHBOARD = "dashboard"
    ADMIN = "admin"
    SCHEDULE = "schedule"
    RERUN = "rerun"
    CLI = "cli"


class RunMode(models.TextChoices):
    """Where a run's entries begin: with what has changed since an earlier run, or at the beginning."""

    INCREMENTAL = "incremental"
    FULL = "full"


class Action(StrEnum):
    """What a person may do with a run."""

    STOP = "stop"
    FORCE_STOP = "force_stop"
    RERUN = "rerun"
    ACKNOWLEDGE = "acknowledge"
    REOPEN = "reopen"


FORCE_AFTER = timedelta(seconds=60)  # a daemon looks about once a second: one that has not looked by then hangs
LONGEST_REASON = 500

LEGAL = {
    RunStatus.CREATED: {Action.STOP},
    RunStatus.RUNNING: {Action.STOP, Action.FORCE_STOP},
    RunStatus.COMPLETED: {Action.RERUN},
    RunStatus.FAILED: {Action.RERUN},
    RunStatus.STOPPED: {Action.RERUN},
}
OUTCOMES = (RunStatus.COMPLETED, RunStatus.FAILED)
