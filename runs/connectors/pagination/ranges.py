"""Lists by range requests (RFC 9110, section 14), counted in a unit of the source's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from runs.connectors.errors import RequestFailed
from runs.connectors.faults import Section
from runs.connectors.pagination.ends import LARGEST_LIMIT
from runs.connectors.pagination.protocol import Cursor, PageView, Pagination, Parts

DEFAULT_UNIT = "items"
_TOKEN = r"[!#$%&'*+\-.^_`|~\w]+"  # noqa: S105 - RFC 9110's name for a word of a header
_UNIT = re.compile(_TOKEN, re.ASCII)
_CONTENT_RANGE = re.compile(
    rf"\s*(?:(?P<unit>{_TOKEN})[ =:\t]\s*)?"
    r"(?:(?P<first>\d{1,15})-(?P<last>\d{1,15})|\*)/(?:(?P<total>\d{1,15})|\*)\s*",
    re.ASCII,
)


@dataclass(frozen=True)
class ContentRange:
    """The header `Content-Range: items 0-99/512` (RFC 9110, section 14.4). None stands for `*`, and for a unit that is
    left out, as some sources do."""

    unit: str | None
    first: int | None
    last: int | None
    total: int | None

    @classmethod
    def read(cls, value: str) -> Self | None:
        """The header's value; None if it is malformed, or no range of what there is."""
        found = _CONTENT_RANGE.fullmatch(value)
        if found is None:
            return None
        first, last, total = (None if text is None else int(text) for text in found.group("first", "last", "total"))
        if first is not None and last is not None and (last < first or (total is not None and last >= total)):
            return None
        return cls(found["unit"], first, last, total)


@dataclass(frozen=True)
class RangeHeader(Pagination):
    """`Range: items=0-99`, then from behind the last that came. It ends at the total; where the source does not tell
    it, at an empty page, or at a 416: a short page may be the source's own bound."""

    unit: str
    limit: int | None
    is_numbered = False

    @classmethod
    def parse(cls, config: Section) -> Self:
        unit = config.text("unit", DEFAULT_UNIT) or DEFAULT_UNIT
        if not _UNIT.fullmatch(unit):
            config.fail("unit", "must be a range unit, such as items (RFC 9110, section 14.1).")
        return cls(unit, config.number("limit", None, 1, LARGEST_LIMIT))

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        start = _start(cursor)
        last = "" if self.limit is None else start + self.limit - 1
        return Parts(headers={"Range": f"{self.unit}={start}-{last}"})

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        start, value = _start(cursor), page.headers.get("content-range")
        if value is None:
            return self._counted(page, start)
        came = self._came(value, start)
        if came.last is None:
            if page.records:
                raise _unusable(value, "names no range, and there are records")
            return None
        is_last = not page.records if came.total is None else came.last + 1 >= came.total
        return None if is_last else {"start": came.last + 1}

    def _counted(self, page: PageView, start: int) -> Cursor | None:
        """Without the header a 200 is the whole list; a 206 should have had it, and its records are counted."""
        is_short = self.limit is not None and len(page.records) < self.limit
        if page.status_code != 206 or not page.records or is_short:
            return None
        return {"start": start + len(page.records)}

    def _came(self, value: str, start: int) -> ContentRange:
        came = ContentRange.read(value)
        if came is None or came.unit not in (None, self.unit):
            raise _unusable(value, f"is no range of {self.unit}")
        if came.first is not None and came.last is not None and not came.first <= start <= came.last:
            raise _unusable(value, f"does not hold {start}, which was asked for")
        return came

    def is_end(self, status_code: int, headers: Mapping[str, str], cursor: Cursor | None) -> bool:
        """A 416 is, unless more is known to be there. On the first page it has to say that the list is empty."""
        told = ContentRange.read(headers.get("content-range", ""))
        start = _start(cursor)
        is_behind = start > 0 if told is None or told.total is None else told.total <= start
        return status_code == 416 and is_behind


def _start(cursor: Cursor | None) -> int:
    return int(cursor["start"]) if cursor else 0


def _unusable(value: str, why: str) -> RequestFailed:
    return RequestFailed("wrong_range", f"The header Content-Range ({value[:100]}) {why}.")
