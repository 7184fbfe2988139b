"""Pages of a list by key instead of by offset.

Page 10 000 costs what page 1 costs, and rows that arrive between two pages neither repeat nor hide one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet

from runs.errors import SyncdeckError

SALT = "runs.keyset"
OLDER, NEWER = "older", "newer"

Row = TypeVar("Row", bound=Model)


class BadCursor(SyncdeckError):
    """The cursor is not one that this installation has given out."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of a list, newest first, and where to go on. A cursor is None where nothing follows."""

    rows: list[Row]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True)
class _Cursor:
    """A place between two rows: beyond the row of this key, towards older or newer ones."""

    direction: str
    time: datetime
    id: UUID

    @classmethod
    def parse(cls, text: str) -> _Cursor:
        try:
            direction, time, row_id = signing.loads(text, salt=SALT)
        except signing.BadSignature as error:
            raise BadCursor("The cursor is not valid.") from error
        return cls(direction, datetime.fromisoformat(time), UUID(row_id))

    def __str__(self) -> str:
        return signing.dumps([self.direction, self.time.isoformat(), self.id.hex], salt=SALT, compress=True)

    def condition(self, order: tuple[str, str]) -> Q:
        """The rows beyond it. The first comparison alone gives the index its range; an OR at the top would not."""
        time, row_id = order
        side = "lt" if self.direction == OLDER else "gt"
        beyond: Mapping[str, Any] = {f"{time}__{side}": self.time}
        tied: Mapping[str, Any] = {f"{row_id}__{side}": self.id}
        return Q(**{f"{time}__{side}e": self.time}) & (Q(**beyond) | Q(**tied))


def keyset_page(
    queryset: QuerySet[Row],
    cursor: str | None,
    limit: int,
    order: tuple[str, str] = ("created_at", "id"),
) -> Page[Row]:
    """The page of `queryset` at `cursor`, newest first; the first page without one.

    `order` names a time and a unique id. Raises BadCursor.
    """
    place = _Cursor.parse(cursor) if cursor else None
    backwards = place is not None and place.direction == NEWER
    if place is not None:
        queryset = queryset.filter(place.condition(order))
    fetched = list(queryset.order_by(*(order if backwards else [f"-{name}" for name in order]))[: limit + 1])
    rows, more = fetched[:limit], len(fetched) > limit
    if backwards:
        rows.reverse()
    return Page(
        rows=rows,
        next_cursor=_cursor_at(rows, OLDER, order) if more or backwards else None,
        previous_cursor=_cursor_at(rows, NEWER, order) if place is not None and (more or not backwards) else None,
    )


def _cursor_at(rows: list[Row], direction: str, order: tuple[str, str]) -> str | None:
    """The cursor beyond the last row (older) or the first one (newer); None for an empty page."""
    if not rows:
        return None
    row = rows[-1] if direction == OLDER else rows[0]
    time, row_id = (getattr(row, name) for name in order)
    return str(_Cursor(direction, time, row_id))
