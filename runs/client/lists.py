"""Lists of the API: filters going out, pages coming in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from runs.client.errors import BadRequest
from runs.client.wire import Query, Wire

OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in")
MOST_ROWS = 1000  # of a page

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows, and where to go on; `next_cursor` is None where nothing follows."""

    result: list[T]
    next_cursor: str | None
    limit: int


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A list that is read page by page as it is gone through; each time anew, from its beginning."""

    wire: Wire
    kind: type[T]
    path: tuple[object, ...]
    query: Query

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.result

    def pages(self, cursor: str | None = None) -> Iterator[Page[T]]:
        """From the beginning, or from where a page before has told to go on."""
        while True:
            page = self.page(cursor)
            yield page
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def page(self, cursor: str | None = None) -> Page[T]:
        query = [*self.query, *([("next_cursor", cursor)] if cursor else [])]
        return self.wire.ask(Page[self.kind], "GET", *self.path, query=query)  # type: ignore[name-defined]


def filters_query(filters: Mapping[str, Any], fields: frozenset[str]) -> Query:
    """Keywords such as `created_at__gte` as parameters of the API. Raises BadRequest for a field that the list does not
    have: the API leaves unknown parameters alone, so a slip of the pen would let everything through."""
    return [pair for name, value in filters.items() for pair in _pairs(name, value, fields)]


def _pairs(name: str, value: Any, fields: frozenset[str]) -> Query:
    field, operator = _parted(name, fields)
    values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    if not values:
        raise BadRequest(f"{name} has no value: nothing would be listed.")
    # Repeated, a field equals any of its values: so one of several values may hold a comma.
    key = field if operator in ("eq", "in") else f"{field}[{operator}]"
    return [(key, _text(name, one)) for one in values]


def _parted(name: str, fields: frozenset[str]) -> tuple[str, str]:
    """The field and the operator. A dot of the wire is `__` in a keyword, too."""
    field, _, operator = name.rpartition("__")
    if operator not in OPERATORS:
        field, operator = name, "eq"
    field = field.replace("__", ".")
    if field not in fields:
        raise BadRequest(f"{name} is no filter of this list; its fields are {', '.join(sorted(fields))}.")
    return field, operator


def _text(name: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        case str() | int() | UUID():
            return str(value)
    raise BadRequest(f"{name} is a text, a number, a time, an id, true or false, not a {type(value).__name__}.")
