"""A worker process, as it last told of itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from runs.models.base import Now, TimedModel

# Of a killed daemon the truth is told within 15 s; three beats may be late before a busy one is taken for dead.
HEARTBEAT = timedelta(seconds=3)
SILENT_AFTER = timedelta(seconds=10)
SWEPT_AT = "swept_at"  # in the metadata


class DaemonStatus(models.TextChoices):
    STARTING = "starting", _("Starting")
    ACTIVE = "active", _("Active")
    STOPPING = "stopping", _("Stopping")
    STOPPED = "stopped", _("Stopped")


SILENT = Q(last_active_at__lt=Now() - SILENT_AFTER)  # by the clock that wrote it


def has_status(statuses: Collection[str]) -> Q:
    """Daemons of which one of these is true now: see `Daemon.status_now`."""
    said = Q(status__in=statuses) & ~SILENT
    return said | SILENT if DaemonStatus.STOPPED in statuses else said


def serves(group: str) -> Q:
    """Daemons of the group, alone or among others."""
    first, last = Q(group_key__startswith=f"{group},"), Q(group_key__endswith=f",{group}")
    return Q(group_key=group) | first | last | Q(group_key__contains=f",{group},")


class DaemonQuerySet(models.QuerySet["Daemon"]):
    def alive(self) -> Self:
        """Those that take work: active, and heard of within `SILENT_AFTER`."""
        return self.filter(~SILENT, status=DaemonStatus.ACTIVE)

    def living_groups(self) -> set[str]:
        """The groups of which at least one daemon is alive."""
        return {group for daemon in self.alive() for group in daemon.groups}


class DaemonManager(models.Manager["Daemon"]):
    def get_queryset(self) -> DaemonQuerySet:
        return DaemonQuerySet(self.model, using=self._db).annotate(is_silent=SILENT)


class Daemon(TimedModel):
    """A Celery worker. Its row is kept after its end, so that old runs can name it.

    `group_key` names its groups, joined by commas where it serves several. `is_silent` comes with the row, because the
    database's clock alone can tell it: hosts' clocks differ.
    """

    daemon_id = models.CharField(max_length=255, unique=True)
    group_key = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=DaemonStatus.choices, default=DaemonStatus.STARTING)
    last_active_at = models.DateTimeField()
    metadata = models.JSONField(default=dict, blank=True)

    objects = DaemonManager.from_queryset(DaemonQuerySet)()

    class Meta:
        ordering = ["group_key", "daemon_id"]
        constraints = [models.CheckConstraint(condition=Q(status__in=DaemonStatus.values), name="daemon_status_known")]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="daemon_list"),
            models.Index(fields=["group_key", "last_active_at"], name="daemon_group"),
        ]

    def __str__(self) -> str:
        return self.daemon_id

    @property
    def groups(self) -> list[str]:
        return self.group_key.split(",")

    @property
    def swept_at(self) -> datetime | None:
        """When it last looked for runs that nobody works on; None for one that has not told."""
        told = self.metadata.get(SWEPT_AT)
        return datetime.fromisoformat(told) if told else None

    @property
    def status_now(self) -> DaemonStatus:
        """What is true of it now: a silent daemon is stopped, whatever it last said of itself."""
        is_silent = getattr(self, "is_silent", False)  # one that was made just now has not been read
        return DaemonStatus.STOPPED if is_silent else DaemonStatus(self.status)
