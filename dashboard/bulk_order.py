"""What a person asks to be done with many runs: read from a form, and told back to them before it is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from dashboard.run_filters import FilterWords, looked_up
from runs.filters import RunFilter
from runs.lookups import parse_choice, parse_integer, parse_uuid
from runs.models import BulkKind, Environment, SyncJobRun
from runs.services import BulkOrder, RunSet

SELECTED, MATCHING = "selected", "matching"
MOST_SELECTED = 500
LONGEST_FILTER = 4000
Words = tuple[str, str]
_HASH = re.compile(r"[0-9a-f]{64}")


class Unreadable(ValueError):
    """The form is not one that these pages have given out, or selects nothing. The message is for its reader."""


@dataclass(frozen=True)
class BulkWish:
    """Which action, on which runs: those that were picked, or all that the list's filter matches.

    The two are never guessed from each other: a form without a picked run must not mean every run.
    """

    kind: BulkKind
    environments: QuerySet[Environment]
    picked: tuple[UUID, ...]
    query: str

    @classmethod
    def from_params(cls, params: QueryDict, environments: QuerySet[Environment]) -> BulkWish:
        """Read `kind`, `scope`, and `run` (repeated) or `filter` (the list's query string). Raises Unreadable."""
        kind, scope = _choice(params, "kind", BulkKind.values), _choice(params, "scope", [SELECTED, MATCHING])
        if scope == MATCHING:
            return cls(BulkKind(kind), environments, (), _narrowing(params.get("filter", ""), environments))
        return cls(BulkKind(kind), environments, _picked(params), "")

    @property
    def scope(self) -> str:
        return SELECTED if self.picked else MATCHING

    @property
    def filters(self) -> RunFilter:
        return RunFilter.from_params(QueryDict(self.query), self.environments)

    def runs(self) -> QuerySet[SyncJobRun]:
        if not self.picked:
            return self.filters.queryset()
        visible = list(self.environments.values_list("id", flat=True))
        return SyncJobRun.objects.filter(environment__in=visible, id__in=self.picked)

    def order(self, params: QueryDict, actor: str) -> BulkOrder:
        """The confirmed order. Raises Unreadable for what no form of ours carries."""
        try:
            order_id, count = parse_uuid(params.get("id", "")), parse_integer(params.get("count", ""))
        except ValueError as error:
            raise Unreadable(_("The confirmation is not complete; nothing was done.")) from error
        reason, set_hash = params.get("reason", ""), params.get("set_hash", "")
        if not _HASH.fullmatch(set_hash):
            raise Unreadable(_("The confirmation is not complete; nothing was done."))
        return BulkOrder(
            order_id, self.kind, count, set_hash, actor, reason, is_selection=bool(self.picked), query=self.query
        )


@dataclass(frozen=True)
class Consequences:
    """How many of the runs the action would change, and why not the others."""

    count: int
    changed: int
    live: int
    covered: int

    @classmethod
    def of(cls, kind: BulkKind, found: RunSet) -> Consequences:
        count, live = len(found.rows), found.live_count
        if kind == BulkKind.STOP:
            return cls(count, live, live, 0)
        covered = len(found.covered())
        return cls(count, count - live - covered, live, covered)

    @property
    def ended(self) -> int:
        return self.count - self.live


def filter_words(filters: Sequence[RunFilter]) -> list[list[Words]]:
    """Of each, the filters in force: what each is about, and its value in words. Two queries for all of them."""
    names = looked_up(filters)
    told = [FilterWords(of, names=names).in_force for of in filters]
    return [[(one.words, one.value) for one in of] for of in told]


def _choice(params: QueryDict, name: str, choices: list[str]) -> str:
    try:
        return parse_choice(choices)(params.get(name, ""))
    except ValueError as error:
        raise Unreadable(_("The form does not say which {name}: choose the action again.").format(name=name)) from error


def _picked(params: QueryDict) -> tuple[UUID, ...]:
    texts = params.getlist("run")
    if not texts:
        raise Unreadable(_("No run is selected: tick the boxes of those you mean."))
    if len(texts) > MOST_SELECTED:
        why = _("At most {most} runs can be picked one by one: use a filter.")
        raise Unreadable(why.format(most=MOST_SELECTED))
    try:
        return tuple(dict.fromkeys(parse_uuid(text) for text in texts))
    except ValueError as error:
        raise Unreadable(_("One of the selected runs has no valid id.")) from error


def _narrowing(text: str, environments: QuerySet[Environment]) -> str:
    """The list's query without what only turns its pages. A filter that can't be read would match every run."""
    if len(text) > LONGEST_FILTER:
        raise Unreadable(_("The filter is too long to be kept."))
    params = QueryDict(text, mutable=True)
    params.pop("cursor", None)
    filters = RunFilter.from_params(params, environments)
    if filters.errors:
        faults = "; ".join(f"{name}: {error}" for name, error in filters.errors.items())
        raise Unreadable(_("The filter can't be read ({faults}).").format(faults=faults))
    return params.urlencode()
