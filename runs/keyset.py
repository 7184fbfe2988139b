"""Pages of a list by key instead of by offset.

Page 10 000 costs what page 1 costs, and rows that arrive between two pages neither repeat nor hide one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet

from runs.errors import SyncdeckError

SALT = "runs.keyset.ordered"
KEYS = ("created_at", "id")

Row = TypeVar("Row", bound=Model)


class BadCursor(SyncdeckError):
    """The cursor is not one that this installation has given out for a list in this order."""


class ListOrder(StrEnum):
    """Which end of time a list begins with."""

    NEWEST_FIRST = "desc"
    OLDEST_FIRST = "asc"


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in the list's order, and where to go on. A cursor is None where nothing follows.

    `first`: the place of the first row, by which `rows_before` finds what has come before it since.
    """

    rows: list[Row]
    next_cursor: str | None
    previous_cursor: str | None
    first: str | None = None


@dataclass(frozen=True)
class _Cursor:
    """A place between two rows of a list in this order: beyond the row of this key, onwards or back."""

    order: ListOrder
    onwards: bool
    keys: tuple[str, str]
    place: datetime | str
    id: UUID

    @classmethod
    def parse(cls, text: str, order: ListOrder, keys: tuple[str, str]) -> _Cursor:
        """Raises BadCursor, also for one of the other order, with which a client would go round in circles."""
        try:
            of_order, onwards, place, row_id = signing.loads(text, salt=_salt(keys))
        except signing.BadSignature as error:
            raise BadCursor("The cursor is not valid.") from error
        if of_order != order:
            raise BadCursor("The cursor is of a list in the other order.")
        return cls(order, onwards, keys, _read(place), UUID(row_id))

    def __str__(self) -> str:
        parts = [self.order, self.onwards, _written(self.place), self.id.hex]
        return signing.dumps(parts, salt=_salt(self.keys), compress=True)

    @property
    def is_upwards(self) -> bool:
        """Whether it leads to newer rows."""
        return (self.order == ListOrder.OLDEST_FIRST) == self.onwards

    def condition(self) -> Q:
        """The rows beyond it. The first comparison alone gives the index its range; an OR at the top would not."""
        key, row_id = self.keys
        side = "gt" if self.is_upwards else "lt"
        beyond: Mapping[str, Any] = {f"{key}__{side}": self.place}
        tied: Mapping[str, Any] = {f"{row_id}__{side}": self.id}
        return Q(**{f"{key}__{side}e": self.place}) & (Q(**beyond) | Q(**tied))


def _salt(keys: tuple[str, str]) -> str:
    """A cursor of a list with other keys is not even read."""
    return SALT if keys == KEYS else f"{SALT}.{keys[0]}"


def _written(place: datetime | str) -> str:
    """No time begins with the mark of a text."""
    return f"={place}" if isinstance(place, str) else place.isoformat()


def _read(written: str) -> datetime | str:
    return written[1:] if written.startswith("=") else datetime.fromisoformat(written)


def keyset_page(
    queryset: QuerySet[Row],
    cursor: str | None,
    limit: int,
    keys: tuple[str, str] = KEYS,
    order: ListOrder = ListOrder.NEWEST_FIRST,
) -> Page[Row]:
    """The page of `queryset` at `cursor`; the first page without one.

    `keys` names a time or a text, and a unique id. Raises BadCursor.
    """
    return _page([queryset], cursor, limit, keys, order)


def merged_page(querysets: Sequence[QuerySet[Any]], cursor: str | None, limit: int) -> Page[Any]:
    """One stream of the rows of all querysets, the newest first, which have the keys `created_at` and `id`.

    Of each at most a page is read. Raises BadCursor.
    """
    return _page(querysets, cursor, limit, KEYS, ListOrder.NEWEST_FIRST)


def _page(
    querysets: Sequence[QuerySet[Any]], cursor: str | None, limit: int, keys: tuple[str, str], order: ListOrder
) -> Page[Any]:
    place = _Cursor.parse(cursor, order, keys) if cursor else None
    backwards = place is not None and not place.onwards
    upwards = place.is_upwards if place else order == ListOrder.OLDEST_FIRST
    if place is not None:
        querysets = [queryset.filter(place.condition()) for queryset in querysets]
    ordering = keys if upwards else [f"-{key}" for key in keys]
    found = [list(queryset.order_by(*ordering)[: limit + 1]) for queryset in querysets]
    fetched = found[0] if len(found) == 1 else _merged(found, upwards)  # a database has its own order of texts
    rows, more = fetched[:limit], len(fetched) > limit
    if backwards:
        rows.reverse()
    first = _cursor_at(rows[:1], keys, order, onwards=False)
    return Page(
        rows=rows,
        next_cursor=_cursor_at(rows[-1:], keys, order, onwards=True) if more or backwards else None,
        previous_cursor=first if place is not None and (more or not backwards) else None,
        first=first,
    )


def rows_before(queryset: QuerySet[Row], first: str, cap: int, keys: tuple[str, str] = KEYS) -> int:
    """How many rows of a list, newest first, stand before the `first` of a page; counted up to `cap`.

    Raises BadCursor.
    """
    place = _Cursor.parse(first, ListOrder.NEWEST_FIRST, keys)
    return queryset.filter(place.condition()).order_by()[:cap].count()


def _merged(found: list[list[Any]], upwards: bool) -> list[Any]:
    return sorted(chain(*found), key=lambda row: (row.created_at, row.id), reverse=not upwards)


def _cursor_at(edge: list[Row], keys: tuple[str, str], order: ListOrder, *, onwards: bool) -> str | None:
    """The cursor beyond the row at the page's edge; None for an empty page, which has no edge."""
    if not edge:
        return None
    place, row_id = (getattr(edge[0], key) for key in keys)
    return str(_Cursor(order, onwards, keys, place, row_id))
