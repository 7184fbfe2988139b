"""What all rows share: time-ordered ids, times, the database's clock, and removal that keeps history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models.functions import Now as DjangoNow
from uuid_utils.compat import uuid7

from runs.words import counts_in_words

__all__ = [
    "CountedModel",
    "DeletableModel",
    "HalfHour",
    "LiveQuerySet",
    "Now",
    "TimedModel",
    "first_uuid7",
    "successive_uuid7",
    "time_of",
    "uuid7",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def successive_uuid7(count: int) -> list[str]:
    """Ids in their order, in hex: each is the one before and one (RFC 9562, section 6.2, method 2).

    For rows by the thousand: to draw each of them takes three times as long.
    """
    first = uuid7().int
    return [f"{number:032x}" for number in range(first, first + count)]


def first_uuid7(time: datetime) -> UUID:
    """The least id that can be drawn in the millisecond of the time, or of 1970 for one before."""
    return UUID(int=max((time - _EPOCH) // _MILLISECOND, 0) << 80)


def time_of(uuid7_hex: str) -> datetime:
    """The millisecond in which the id was drawn."""
    return _EPOCH + int(uuid7_hex[:12], 16) * _MILLISECOND


class Now(DjangoNow):
    """The database's clock, written as Django writes times.

    SQLite compares times as texts, and Django's own `Now` writes them there with three decimals instead of six: a time
    would be less than itself.
    """

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f000', 'NOW')"
        return self.as_sql(compiler, connection, template=template, **extra)


class HalfHour(models.Func):
    """The half hour that a time lies in, as their number since 1970: what a chart of a day groups by."""

    output_field = models.BigIntegerField()
    template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / 1800)::bigint"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "CAST(STRFTIME('%%%%s', %(expressions)s) AS INTEGER) / 1800"
        return self.as_sql(compiler, connection, template=template, **extra)


class TimedModel(models.Model):
    """A row with a version-7 UUID as its id and the times of its creation and last change.

    `updated_at` is kept by `save()` only: an `.update()` names it itself (RFC 9562, section 5.7, for the id).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class LiveQuerySet(models.QuerySet[Any]):
    def live(self) -> Self:
        """Without the rows that a person has deleted."""
        return self.filter(deleted_at=None)


class DeletableModel(TimedModel):
    """A row that old runs still name. Deleting hides it from lists and uses; history keeps it."""

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = LiveQuerySet.as_manager()

    class Meta:
        abstract = True


class CountedModel(TimedModel):
    """Something that fetches records: how many, how many the store took, and how often it went wrong."""

    fetched = models.PositiveBigIntegerField(default=0)
    persisted = models.PositiveBigIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def counts(self) -> str:
        """The three in words."""
        return counts_in_words(self.fetched, self.persisted, self.error_count)
