"""The list of error groups: which filters it has, and what a page of it counts.

Counts are bounded: they are over the newest `MOST_SIGHTINGS` sightings of the window, and say from when on they are.
A sighting belongs to the moment at which its run first met the trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Trunc
from django.http import QueryDict
from django.utils import timezone

from runs.lookups import parse_choice, parse_text, parse_uuid
from runs.models import Environment, ErrorGroup, ErrorSighting, RunStatus, SyncJobRun
from runs.parameters import changed_query, read_parameters

MOST_SIGHTINGS = 20_000
MOST_GROUPS = 1_000
SHOWN_GROUPS = 50
LOOKED_AT = 50  # newest sightings of a group, to tell whether it still happens
ORDERS = {"last": "-last_at", "count": "-occurrences", "runs": "-runs"}


@dataclass(frozen=True)
class Window:
    """A stretch of time up to now, in equal parts for a drawing."""

    name: str
    words: str
    parts: int
    unit: str
    hours: int

    def edges(self, now: datetime) -> list[datetime]:
        """Where its parts begin, oldest first; days begin at the reader's midnight."""
        local = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
        if self.unit == "day":
            days = [local.date() - timedelta(days=ago) for ago in range(self.parts)]
            return [local.replace(year=day.year, month=day.month, day=day.day, hour=0) for day in reversed(days)]
        last = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=self.hours - 1)
        return [last - timedelta(hours=self.hours * ago) for ago in reversed(range(self.parts))]


WINDOWS = {
    "24h": Window("24h", "24 hours", 24, "hour", 1),
    "7d": Window("7d", "7 days", 28, "hour", 6),
    "30d": Window("30d", "30 days", 30, "day", 24),
}
USUAL_WINDOW = "7d"


class Tally(NamedTuple):
    """What is counted of a group within the filter."""

    group: UUID
    runs: int
    accounts: int
    occurrences: int
    last_at: datetime


_PARSERS: dict[str, Callable[[str], Any]] = {
    "window": parse_choice(WINDOWS),
    "sort": parse_choice(ORDERS),
    "account": parse_uuid,
    "job": parse_uuid,
    "code": parse_text,
    "q": parse_text,
}


@dataclass(frozen=True)
class ErrorFilter:
    """What the address of the list asks for, within the environments that its reader may see.

    A value that cannot be read is told in `errors` and filters nothing.
    """

    params: QueryDict
    environments: QuerySet[Environment]
    now: datetime
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, environments: QuerySet[Environment]) -> ErrorFilter:
        """Read `window`, `sort`, `account`, `job`, `code` and `q`."""
        return cls(params, environments, timezone.now(), *read_parameters(params, _PARSERS))

    @property
    def window(self) -> Window:
        return WINDOWS[self.values.get("window", USUAL_WINDOW)]

    @property
    def sort(self) -> str:
        return self.values.get("sort", "last")

    @property
    def narrows(self) -> list[str]:
        """The filters that leave something out, apart from the window."""
        return [name for name in ("q", "account", "job", "code") if name in self.values]

    @cached_property
    def since(self) -> datetime:
        """From when on is counted: the window's beginning, or later where there are too many sightings in it."""
        begins = self.window.edges(self.now)[0]
        beyond = self._sightings().filter(created_at__gte=begins).order_by("-created_at").values_list("created_at")
        cut = beyond[MOST_SIGHTINGS : MOST_SIGHTINGS + 1].first()
        return begins if cut is None else max(begins, cut[0])

    @property
    def is_cut(self) -> bool:
        return self.since > self.window.edges(self.now)[0]

    @cached_property
    def tallies(self) -> list[Tally]:
        """Of each group, at most `MOST_GROUPS + 1`, in the order asked for."""
        rows = self.sightings().order_by().values("group").annotate(
            runs=Count("id"),
            accounts=Count("integrated_account", distinct=True),
            occurrences=Sum("count"),
            last_at=Max("last_at"),
        )  # fmt: skip
        ordered = rows.order_by(ORDERS[self.sort], "-last_at", "group")[: MOST_GROUPS + 1]
        return [Tally(**row) for row in ordered]

    def sightings(self) -> QuerySet[ErrorSighting]:
        return self._sightings().filter(created_at__gte=self.since)

    def widened(self) -> ErrorFilter:
        """The same window without what narrows it."""
        window = {name: value for name, value in self.values.items() if name == "window"}
        return replace(self, values=window) if self.narrows else self

    def groups(self) -> dict[UUID, ErrorGroup]:
        """Those that are shown, by id; each with `still_happens`."""
        shown = [tally.group for tally in self.tallies[:SHOWN_GROUPS]]
        return with_outlook(ErrorGroup.objects.filter(id__in=shown), self._narrowed()).in_bulk()

    def trends(self, groups: Iterable[UUID]) -> dict[UUID, list[tuple[datetime, int]]]:
        """How often each group was met, by hour or day of its sightings."""
        return trends(self.sightings().filter(group__in=list(groups)), self.window)

    def query_string(self, **changes: Any) -> str:
        """The address's query with these parameters changed; None removes one."""
        return changed_query(self.params, changes)

    def _sightings(self) -> QuerySet[ErrorSighting]:
        scope = ErrorSighting.objects.filter(self._narrowed(), environment__in=self._environment_ids)
        text, code = self.values.get("q"), self.values.get("code")
        if not text and not code:
            return scope
        return scope.filter(group__in=self._named(text or "", code or "").values("id"))

    def _named(self, text: str, code: str) -> QuerySet[ErrorGroup]:
        groups = ErrorGroup.objects.filter(environment__in=self._environment_ids)
        if code:
            groups = groups.filter(code=code)
        return groups.filter(
            Q(title__icontains=text) | Q(code__icontains=text) | Q(resource__icontains=text) | Q(note__icontains=text)
        )

    def _narrowed(self) -> Q:
        """The account and job that sightings are to be of."""
        columns = {"account": "integrated_account", "job": "sync_job"}
        return Q(**{column: self.values[name] for name, column in columns.items() if name in self.values})

    @cached_property
    def _environment_ids(self) -> list[UUID]:
        return list(self.environments.values_list("id", flat=True))


def with_outlook(groups: QuerySet[ErrorGroup], of: Q | None = None) -> QuerySet[ErrorGroup]:
    """The groups with `still_happens`: one of the newest runs that met it has not been followed by a run of its account
    and job that ended without it. `of`: which sightings are looked at."""
    newest = ErrorSighting.objects.filter(of or Q(), group=OuterRef(OuterRef("pk"))).order_by("-created_at", "-id")
    open_ends = ErrorSighting.objects.filter(id__in=newest.values("id")[:LOOKED_AT]).exclude(Exists(later_outcome()))
    return groups.annotate(still_happens=Exists(open_ends))


def met(group_id: UUID) -> Q:
    """Runs that met an error of the group."""
    return Q(id__in=ErrorSighting.objects.filter(group=group_id).values("run"))


def unresolved(group_id: UUID) -> Q:
    """Of these the ones that no run of their account and job has followed to an end without it."""
    return Q(id__in=ErrorSighting.objects.filter(~Exists(later_outcome()), group=group_id).values("run"))


def later_outcome() -> QuerySet[SyncJobRun]:
    """The runs after that of a sighting that went to an end. One that met the trouble again has a sighting itself."""
    return SyncJobRun.objects.filter(
        integrated_account=OuterRef("integrated_account"),
        sync_job=OuterRef("sync_job"),
        created_at__gt=OuterRef("run__created_at"),
        status__in=[RunStatus.COMPLETED, RunStatus.FAILED],
    )


def trends(sightings: QuerySet[ErrorSighting], window: Window) -> dict[UUID, list[tuple[datetime, int]]]:
    rows = sightings.order_by().values("group", at=Trunc(F("created_at"), window.unit)).annotate(met=Sum("count"))
    found: dict[UUID, list[tuple[datetime, int]]] = {}
    for row in rows:
        found.setdefault(row["group"], []).append((row["at"], row["met"]))
    return found
