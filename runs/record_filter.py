"""The records of one account: which filters their list has, and what a page of it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from runs.keyset import Page, page_or_first
from runs.lookups import TimeField, parse_text, parse_time
from runs.models import IntegratedAccount, Record
from runs.models.record import RecordQuerySet, id_begins_with
from runs.parameters import changed_query, read_parameters

LIMIT = 50
CHANGED = TimeField("updated_at")


def _text_of(longest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"must not be longer than {longest} characters")
        return parse_text(text)

    return parse


_PARSERS: dict[str, Callable[[str], Any]] = {
    "resource": _text_of(255),
    "record_id": _text_of(512),
    "since": lambda text: parse_time(text, timezone.get_current_timezone()),
}


@dataclass(frozen=True)
class RecordFilter:
    """What the address of a page of records asks for, within one account.

    A value that cannot be read is told in `errors` and filters nothing.
    """

    account: IntegratedAccount
    params: QueryDict
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, account: IntegratedAccount) -> RecordFilter:
        """Read `resource`, `record_id` (its beginning will do) and `since` (changed at or after)."""
        return cls(account, params, *read_parameters(params, _PARSERS))

    def queryset(self) -> RecordQuerySet:
        """The records, in no order."""
        conditions = [_condition(name, value) for name, value in self.values.items()]
        return Record.objects.filter(reduce(and_, conditions, Q()), integrated_account=self.account.pk)

    def page(self, cursor: str | None) -> Page[Record]:
        """The page at `cursor`, last changed first, of rows with their sizes instead of their data.

        A search by id has one page only, in the order of the ids: a common beginning is had by more records than any
        sort should read. A bad cursor gives the first page and an error.
        """
        if "record_id" in self.values:
            return self._found_by_id()
        rows = self.queryset().with_size()
        return page_or_first(rows, cursor, LIMIT, self.errors, keys=("updated_at", "id"))

    def query_string(self, **changes: str | None) -> str:
        """The address's query with these parameters changed, None removes one; the cursor is of the former list."""
        return changed_query(self.params, {"account": self.account.pk, "cursor": None, **changes})

    def as_json(self) -> dict[str, str]:
        """The filters in force, as plain values."""
        return {name: value if isinstance(value, str) else value.isoformat() for name, value in self.values.items()}

    def _found_by_id(self) -> Page[Record]:
        """Without an order, so that the database reads as many entries of the index as are shown, and one more."""
        rows = list(self._by_resource().with_size().order_by()[: LIMIT + 1])
        if len(rows) > LIMIT:
            self.errors["record_id"] = f"is the beginning of more than {LIMIT} ids, of which {LIMIT} are shown."
        return Page(sorted(rows[:LIMIT], key=lambda row: (row.record_id, row.resource)), None, None)

    def _by_resource(self) -> RecordQuerySet:
        """The index begins with account and resource: without one, all that the account has are named."""
        if "resource" in self.values:
            return self.queryset()
        return self.queryset().filter(resource__in=Record.objects.resources_of(self.account))


def _condition(name: str, value: Any) -> Q:
    match name:
        case "since":
            return CHANGED.compared("gte", value)
        case "record_id":
            return id_begins_with(value)
    return Q(resource=value)
