"""The audit list: which filters it has, whose lines a person sees, and what a page or an export of it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from runs.filters import parse_since, parse_until
from runs.keyset import Page, keyset_page, page_or_first
from runs.lookups import parse_text
from runs.models import AuditEntry, User
from runs.parameters import changed_query, read_parameters

# A search reads line by line: without an end to it, one that finds little would read years.
USUAL_WINDOW = timedelta(days=90)
ALL_TIME = timedelta(days=36_500)
AT_ONCE = 1000


def _since(text: str) -> datetime | timedelta:
    """A time, or how long ago; `all` is longer ago than anything."""
    return parse_since(text) or ALL_TIME


_PARSERS: dict[str, Callable[[str], Any]] = {
    "kind": parse_text,
    "action": parse_text,
    "actor": parse_text,
    "target": parse_text,
    "q": parse_text,
    "since": _since,
    "until": parse_until,
}


def visible_lines(reader: User) -> QuerySet[AuditEntry]:
    """Those of the reader's environments. What concerns the whole installation is for superusers only."""
    if reader.is_superuser:
        return AuditEntry.objects.all()
    environments = list(reader.visible_environments().values_list("id", flat=True))
    return AuditEntry.objects.filter(environment_id__in=environments)


@dataclass(frozen=True)
class AuditFilter:
    """What the address of the audit list asks for, among the lines that its reader may see.

    A value that cannot be read is told in `errors` and filters nothing.
    """

    params: QueryDict
    reader: User
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, reader: User) -> AuditFilter:
        """Read `kind` (the noun of an action), `action`, `actor`, `target` (an id), `q`, `since` and `until`."""
        return cls(params, reader, *read_parameters(params, _PARSERS))

    @property
    def since(self) -> datetime:
        since = self.values.get("since", USUAL_WINDOW)
        return timezone.now() - since if isinstance(since, timedelta) else since

    def queryset(self) -> QuerySet[AuditEntry]:
        lines = visible_lines(self.reader).filter(created_at__gte=self.since)
        for name, value in self.values.items():
            lines = lines.filter(_condition(name, value))
        return lines

    def page(self, cursor: str | None, limit: int = 50) -> Page[AuditEntry]:
        """The page at `cursor`; a bad one gives the first page and an error."""
        return page_or_first(self.queryset(), cursor, limit, self.errors)

    def lines(self) -> Iterator[AuditEntry]:
        """All that match, the newest first, some at a time by key: however many there are, few are in memory."""
        cursor: str | None = None
        while True:
            page = keyset_page(self.queryset(), cursor, AT_ONCE)
            yield from page.rows
            cursor = page.next_cursor
            if cursor is None:
                return

    def query_string(self, **changes: Any) -> str:
        """The address's query with these parameters changed (None removes one).

        A change of any filter leaves the page's cursor out: it belongs to the former list.
        """
        return changed_query(self.params, {"cursor": None, **changes})


def _condition(name: str, value: Any) -> Q:
    match name:
        case "kind":
            return Q(action__startswith=f"{value}.")
        case "action":
            return Q(action=value)
        case "actor":
            return Q(actor=value)
        case "target":
            return Q(target_id=value)
        case "since":
            return Q()  # `since` is always there
        case "until":
            return Q(created_at__lte=value)
    text = Q(actor__icontains=value) | Q(action__icontains=value) | Q(target_label__icontains=value)
    return text | Q(target_id=value) | Q(reason__icontains=value)
