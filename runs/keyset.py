"""Pages of a list by key instead of by offset.

Page 10 000 costs what page 1 costs, and rows that arrive between two pages neither repeat nor hide one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet

from runs.errors import SyncdeckError

SALT = "runs.keyset.ordered"
KEYS = ("created_at", "id")
BY_ID = ("id",)  # of rows whose ids are drawn as they are created, in version 7

Keys = tuple[str, str] | tuple[str]

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
    keys: Keys
    place: datetime | str | None  # None where the id alone is the key
    id: UUID

    @classmethod
    def parse(cls, text: str, order: ListOrder, keys: Keys) -> _Cursor:
        """Raises BadCursor, also for one of the other order, with which a client would go round in circles."""
        try:
            of_order, onwards, *place, row_id = signing.loads(text, salt=_salt(keys))
        except signing.BadSignature as error:
            raise BadCursor("The cursor is not valid.") from error
        if of_order != order:
            raise BadCursor("The cursor is of a list in the other order.")
        return cls(order, onwards, keys, _read(*place) if place else None, UUID(row_id))

    def __str__(self) -> str:
        place = [] if self.place is None else [_written(self.place)]
        return signing.dumps([self.order, self.onwards, *place, self.id.hex], salt=_salt(self.keys), compress=True)

    @property
    def is_upwards(self) -> bool:
        """Whether it leads to newer rows."""
        return (self.order == ListOrder.OLDEST_FIRST) == self.onwards

    def condition(self) -> Q:
        """The rows beyond it. The first comparison alone gives the index its range; an OR at the top would not."""
        side = "gt" if self.is_upwards else "lt"
        tied: Mapping[str, Any] = {f"{self.keys[-1]}__{side}": self.id}
        if self.place is None:
            return Q(**tied)
        key = self.keys[0]
        beyond: Mapping[str, Any] = {f"{key}__{side}": self.place}
        return Q(**{f"{key}__{side}e": self.place}) & (Q(**beyond) | Q(**tied))


def _salt(keys: Keys) -> str:
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
    keys: Keys = KEYS,
    order: ListOrder = ListOrder.NEWEST_FIRST,
) -> Page[Row]:
    """The page of `queryset` at `cursor`; the first page without one.

    `keys` names a time or a text, and a unique id, or the id alone. Raises BadCursor.
    """
    return merged_page([queryset], cursor, limit, keys, order)


def page_or_first(
    queryset: QuerySet[Row],
    cursor: str | None,
    limit: int,
    errors: dict[str, str],
    keys: Keys = KEYS,
    order: ListOrder = ListOrder.NEWEST_FIRST,
) -> Page[Row]:
    """The page for a person: at a bad cursor the first one, which `errors` then tells under `cursor`."""
    try:
        return keyset_page(queryset, cursor, limit, keys, order)
    except BadCursor:
        errors["cursor"] = "This page of the list does not exist; here is the first one."
        return keyset_page(queryset, None, limit, keys, order)


def merged_page(
    querysets: Sequence[QuerySet[Any, Any]],
    cursor: str | None,
    limit: int,
    keys: Keys = KEYS,
    order: ListOrder = ListOrder.NEWEST_FIRST,
) -> Page[Any]:
    """The page of several tables that are read as one list, by times. Raises BadCursor.

    Of each as many rows are read as the page may have: no more can be needed, and nobody knows from which.
    """
    place = _Cursor.parse(cursor, order, keys) if cursor else None
    backwards = place is not None and not place.onwards
    parts = [beyond(queryset, cursor, keys, order)[: limit + 1] for queryset in querysets]
    upwards = _is_upwards(place, order)
    fetched = list(parts[0]) if len(parts) == 1 else _merged(parts, keys, upwards, limit + 1)
    rows, more = fetched[:limit], len(fetched) > limit
    if backwards:
        rows.reverse()
    first = _edge(rows[:1], keys, order, onwards=False)
    return Page(
        rows=rows,
        next_cursor=_edge(rows[-1:], keys, order, onwards=True) if more or backwards else None,
        previous_cursor=first if place is not None and (more or not backwards) else None,
        first=first,
    )


def beyond(
    queryset: QuerySet[Row, Any],
    cursor: str | None,
    keys: Keys = KEYS,
    order: ListOrder = ListOrder.NEWEST_FIRST,
) -> QuerySet[Row, Any]:
    """The rows on the cursor's far side, those next to it first; all of them without one. Raises BadCursor."""
    place = _Cursor.parse(cursor, order, keys) if cursor else None
    if place is not None:
        queryset = queryset.filter(place.condition())
    return queryset.order_by(*(keys if _is_upwards(place, order) else [f"-{key}" for key in keys]))


def rows_before(queryset: QuerySet[Row], first: str, cap: int, keys: Keys = KEYS) -> int:
    """How many rows of a list, newest first, stand before the `first` of a page; counted up to `cap`.

    Raises BadCursor.
    """
    return beyond(queryset, first, keys).order_by()[:cap].count()


def cursor_at(time: datetime, row_id: UUID, order: ListOrder = ListOrder.NEWEST_FIRST, *, onwards: bool) -> str:
    """The cursor of the page of a list by time that begins beyond this key, onwards in the list's order or back."""
    return str(_Cursor(order, onwards, KEYS, time, row_id))


def _is_upwards(place: _Cursor | None, order: ListOrder) -> bool:
    return place.is_upwards if place else order == ListOrder.OLDEST_FIRST


def _merged(parts: Sequence[QuerySet[Any, Any]], keys: Keys, upwards: bool, limit: int) -> list[Any]:
    """Only for times: of texts a database has an order of its own."""
    return list(islice(merge(*parts, key=attrgetter(*keys), reverse=not upwards), limit))


def _edge(edge: list[Any], keys: Keys, order: ListOrder, *, onwards: bool) -> str | None:
    """The cursor beyond the row at the page's edge; None for an empty page, which has no edge."""
    if not edge:
        return None
    row, row_id = edge[0], keys[-1]
    place = getattr(row, keys[0]) if len(keys) == 2 else None
    return str(_Cursor(order, onwards, keys, place, getattr(row, row_id)))
