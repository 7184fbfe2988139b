"""The list of runs: what the address of its page asks for, and how many runs that are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, reduce
from operator import and_
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from runs.database import ReadTimedOut, bounded_read
from runs.error_filters import met, unresolved
from runs.keyset import Page, page_or_first, rows_before
from runs.lookups import parse_choice, parse_duration, parse_text, parse_time, parse_uuid
from runs.models import Environment, RunStatus, SyncJobRun, WarningCode
from runs.models.base import HalfHour
from runs.parameters import changed_query
from runs.run_fields import (
    NO_RECORDS,
    NOT_LISTED,
    RUN_FIELDS,
    SLOW,
    WITH_ERRORS,
    mentions,
    of_accounts,
    of_jobs,
    of_resources,
    took,
)
from runs.search_words import NEGATABLE, NOT, read_words

__all__ = ["NOT_LISTED", "NOT_ON_A_LINE", "PARAMETERS", "RUN_FIELDS", "RunFilter", "mentions"]

NOT_ON_A_LINE = (*NOT_LISTED, "args", "resources")
DEFAULT_WINDOW = timedelta(days=7)
ALL_TIME = "all"
ANY_WARNING = "any"
MOST_VALUES = 50
PAGE_MS = 4_000  # a list that takes longer is told so, instead of keeping its reader
COUNT_MS = 600
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")
_WHOLE_DAY = timedelta(days=1, milliseconds=-1)

Condition = Callable[[Any], Q]


def parse_since(text: str) -> datetime | timedelta | None:
    """A time, how long ago, or None for all time."""
    if text == ALL_TIME:
        return None
    if re.fullmatch(r"[0-9.]+[dhms].*", text.lower()):
        return parse_duration(text)
    try:
        return parse_time(text, timezone.get_current_timezone())
    except ValueError:
        raise ValueError("must be a date, a time in ISO 8601, how long ago, such as 24h or 7d, or all") from None


def parse_until(text: str) -> datetime:
    """The end of the day when a date alone is given, as people mean it."""
    moment = parse_time(text, timezone.get_current_timezone())
    return moment + _WHOLE_DAY if _DATE.fullmatch(text) else moment


def _created_since(value: datetime | timedelta) -> Q:
    moment = timezone.now() - value if isinstance(value, timedelta) else value
    return RUN_FIELDS["created_at"].compared("gte", moment)


def _open(kind: str) -> Q:
    """The unsettled runs that failed, or that completed with a warning."""
    return Q(is_unsettled=True) & (Q(status=RunStatus.FAILED) if kind == "failed" else ~Q(warning=""))


def _with_warning(code: str) -> Q:
    return ~Q(warning="") if code == ANY_WARNING else Q(warning=code)


def _name_or_id(text: str) -> UUID | str:
    try:
        return UUID(text)
    except ValueError:
        return parse_text(text)


@dataclass(frozen=True)
class Parameter:
    """One of the address: how a value is read, and which runs it selects. `many`: it takes several, as one list."""

    parse: Callable[[str], Any]
    condition: Condition
    many: bool = False

    @property
    def negated(self) -> Parameter:
        return Parameter(self.parse, lambda values: ~self.condition(values), many=True)


_MANY = {
    "status": Parameter(RUN_FIELDS["status"].parse, RUN_FIELDS["status"].among, many=True),
    "account": Parameter(_name_or_id, of_accounts, many=True),
    "job": Parameter(_name_or_id, of_jobs, many=True),
    "resource": Parameter(parse_text, of_resources, many=True),
    "trigger": Parameter(RUN_FIELDS["trigger"].parse, RUN_FIELDS["trigger"].among, many=True),
}
PARAMETERS: dict[str, Parameter] = {
    **_MANY,
    **{f"{NOT}{name}": _MANY[name].negated for name in NEGATABLE},
    "since": Parameter(parse_since, _created_since),
    "until": Parameter(parse_until, lambda value: RUN_FIELDS["created_at"].compared("lte", value)),
    "over": Parameter(parse_duration, lambda value: took("gt", value)),
    "under": Parameter(parse_duration, lambda value: took("lt", value)),
    "slow": Parameter(parse_choice(["yes", "no"]), lambda value: SLOW if value == "yes" else ~SLOW),
    "errors": Parameter(parse_choice(["yes", "no"]), lambda value: WITH_ERRORS if value == "yes" else ~WITH_ERRORS),
    "records": Parameter(parse_choice(["none", "some"]), lambda value: NO_RECORDS if value == "none" else ~NO_RECORDS),
    "error": Parameter(parse_uuid, met),
    "unresolved": Parameter(parse_uuid, unresolved),
    "open": Parameter(parse_choice(["failed", "warned"]), _open),
    "warning": Parameter(parse_choice([*WarningCode.values, ANY_WARNING]), _with_warning),
    "by": Parameter(parse_text, lambda value: Q(created_by=value)),
    "q": Parameter(parse_text, mentions),
}
_WITH_COMMAS = {"status", "trigger", "not_status", "not_trigger"}


@dataclass(frozen=True)
class RunFilter:
    """What the address of a page of runs asks for, within the environments that its reader may see.

    Unless it says how far back, that is `DEFAULT_WINDOW`. A value that cannot be read is told in `errors` and filters
    nothing. `params` are those of the address without empty values, with the words of its search as parameters.
    """

    params: QueryDict
    environments: QuerySet[Environment]
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, environments: QuerySet[Environment]) -> RunFilter:
        """Read the `PARAMETERS`; those that take many are repeated. `job` and `account` are ids or parts of names."""
        found = cls(canonical(params), environments)
        for name, parameter in PARAMETERS.items():
            texts = found.params.getlist(name)
            if not texts:
                continue
            try:
                value = _read(name, parameter, texts)
            except ValueError as error:
                found.errors[name] = f"{texts[-1][:100]!r} {error}"
                continue
            if value is not None:
                found.values[name] = value
        if not found._says_how_far_back:
            found.values["since"] = DEFAULT_WINDOW
        return found

    @property
    def _says_how_far_back(self) -> bool:
        """A whole id needs no window: whoever looks for it wants that run, however old."""
        named = "until" in self.values or ("since" in self.params and "since" not in self.errors)
        return named or isinstance(_name_or_id(self.values.get("q", "")), UUID)

    def queryset(self) -> QuerySet[SyncJobRun]:
        """The runs, newest first, with their job, account and integration."""
        runs = self.matching()
        return runs.select_related("sync_job", "integrated_account__integration").defer(*NOT_ON_A_LINE)

    def matching(self, without: Iterable[str] = ()) -> QuerySet[SyncJobRun]:
        """The runs alone, without these filters."""
        values = {name: value for name, value in self.values.items() if name not in without}
        scope = SyncJobRun.objects.filter(environment__in=self.environment_ids)
        return scope.filter(reduce(and_, [PARAMETERS[name].condition(value) for name, value in values.items()], Q()))

    def page(self, cursor: str | None, limit: int = 50) -> Page[SyncJobRun]:
        """The page at `cursor`; a bad one gives the first page and an error. Raises ReadTimedOut."""
        with bounded_read(PAGE_MS):
            return page_or_first(self.queryset(), cursor, limit, self.errors)

    def newer(self, first: str, cap: int) -> int:
        """How many runs have come before the one at the cursor `first`, counted up to `cap`. Raises BadCursor."""
        return rows_before(self.matching(), first, cap)

    def status_counts(self, cap: int = 1000) -> dict[str, int | None]:
        """How many runs each status has within the other filters.

        `cap + 1` means more than `cap`, None that the database could not tell soon enough.
        """
        others = self.matching(without=("status", "not_status")).order_by()
        counts: dict[str, int | None] = dict.fromkeys(RunStatus.values)
        with suppress(ReadTimedOut), bounded_read(COUNT_MS):
            for status in counts:
                counts[status] = others.filter(status=status)[: cap + 1].count()
        return counts

    def half_hours(self, since: datetime) -> list[tuple[int, str, int]]:
        """By half hour since then and status, how many runs the other filters select. Raises ReadTimedOut."""
        runs = self.matching(without=("since", "until")).filter(created_at__gte=since)
        grouped = runs.order_by().values_list(HalfHour("created_at"), "status").annotate(count=Count("*"))
        with bounded_read(COUNT_MS):
            return list(grouped)

    def query_string(self, **changes: Any) -> str:
        """The address's query with these parameters changed (a list repeats one, None removes it).

        A change of any filter leaves the page's cursor out: it belongs to the former list.
        """
        return changed_query(self.params, {"cursor": None, **changes} if changes else {})

    @property
    def key(self) -> str:
        """The same for everybody who asks for the same runs: what is counted for one can be told to the others."""
        facts = (sorted(self.environment_ids), sorted(self.values.items()))
        return hashlib.blake2s(repr(facts).encode(), digest_size=16).hexdigest()

    @cached_property
    def environment_ids(self) -> list[UUID]:
        """Read beforehand: a planner that does not know them walks past everybody's runs to find those of a few."""
        return list(self.environments.values_list("id", flat=True))


def canonical(params: QueryDict) -> QueryDict:
    """The parameters without empty values; of those that take one, the last; with the words of the search."""
    rest, words = read_words(params.get("q", ""))
    found = QueryDict(mutable=True)
    for name, values in params.lists():
        kept = [rest] if name == "q" else values
        for value in dict.fromkeys(value.strip() for value in kept if value.strip()):
            found.appendlist(name, value)
    for name, value in words:
        if value not in found.getlist(name):
            found.appendlist(name, value)
    for name in [name for name in found if not PARAMETERS.get(name, _MANY["status"]).many]:
        found.setlist(name, found.getlist(name)[-1:])
    return found


def _read(name: str, parameter: Parameter, texts: list[str]) -> Any:
    if not parameter.many:
        return parameter.parse(texts[-1])
    parts = [part for text in texts for part in text.split(",") if part] if name in _WITH_COMMAS else texts
    if len(parts) > MOST_VALUES:
        raise ValueError(f"is one of more than {MOST_VALUES} values")
    return [parameter.parse(part) for part in parts] or None
