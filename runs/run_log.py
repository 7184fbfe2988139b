"""The log of a run: its events and its record errors as one list in the order of time, never read as a whole.

Both tables have the index (run, created_at, id), so that a page costs two short index scans, whichever page it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from runs.keyset import BadCursor, ListOrder, beyond, cursor_at, keyset_page, merged_page
from runs.lookups import parse_text
from runs.models import EventKind, RecordError, RunEvent, SyncJobRun

LINES = 200
GIST = 240  # characters of a message that a page shows; the line's own page has the whole
AHEAD = 20  # lines of context ahead of one that is looked for
REACH = 50_000  # a search asks before it looks further
CHUNK = 1_000
_START = datetime(1970, 1, 1, tzinfo=UTC)

RECORD_ERROR = "record_error"
_OF_EVENTS = ("id", "created_at", "kind", "actor")
_OF_ERRORS = (
    *("id", "created_at", "resource", "method", "record_id", "code", "status_code", "fingerprint"),
    "is_quarantine",
)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_SEVERITIES: Mapping[str, Severity] = {
    EventKind.RATE_LIMITED: Severity.WARNING,
    EventKind.STOP_REQUESTED: Severity.WARNING,
    EventKind.LATE_WORKER: Severity.WARNING,
    EventKind.SLOT_SKIPPED: Severity.WARNING,
    EventKind.WARNING: Severity.WARNING,
    EventKind.WORKER_LOST: Severity.ERROR,
    EventKind.FAILED: Severity.ERROR,
}
_AT_LEAST = {
    Severity.WARNING: list(_SEVERITIES),
    Severity.ERROR: [kind for kind, severity in _SEVERITIES.items() if severity == Severity.ERROR],
}


@dataclass(frozen=True)
class LogLine:
    """An event, or a record error (`kind` is then `record_error`). A page's line has the start of a long message."""

    id: UUID
    created_at: datetime
    severity: Severity
    kind: str
    message: str
    actor: str = ""
    resource: str = ""
    method: str = ""
    record_id: str = ""
    code: str = ""
    status_code: int | None = None
    url: str = ""
    excerpt: str = ""
    fingerprint: str = ""
    is_quarantine: bool = False

    @classmethod
    def of(cls, row: Any) -> LogLine:
        """The line of a row of either table."""
        values = row._asdict()
        if "text" in values:
            values["message"] = values.pop("text")
        if "kind" not in values:
            return cls(**values, kind=RECORD_ERROR, severity=Severity.ERROR)
        return cls(**values, severity=_SEVERITIES.get(values["kind"], Severity.INFO))

    @property
    def is_record_error(self) -> bool:
        return self.kind == RECORD_ERROR


@dataclass(frozen=True)
class LogFilter:
    """Which lines are wanted: of this severity at least, and with this text. A bad value filters nothing."""

    level: Severity = Severity.INFO
    text: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> LogFilter:
        """Read `level` and `q`."""
        errors: dict[str, str] = {}
        level, text = params.get("level") or Severity.INFO, params.get("q", "").strip()
        if level not in list(Severity):
            errors["level"] = f"{level[:100]!r} is not one of {', '.join(Severity)}"
            level = Severity.INFO
        try:
            text = parse_text(text)
        except ValueError as error:
            errors["q"] = f"{text[:100]!r} {error}"
            text = ""
        return cls(Severity(level), text, errors)

    @property
    def params(self) -> dict[str, str]:
        """As parameters of an address; empty where every line is wanted."""
        chosen = {"level": "" if self.level == Severity.INFO else self.level.value, "q": self.text}
        return {name: value for name, value in chosen.items() if value}

    @property
    def query(self) -> str:
        return urlencode(self.params)


@dataclass(frozen=True)
class LogPage:
    """Lines in the order of time, and the cursors of the pages before and behind them; None where nothing is.

    `searched_back_to`: a search has looked so far back and no further; `earlier` goes on from there.
    """

    lines: list[LogLine]
    earlier: str | None
    later: str | None
    searched_back_to: datetime | None = None


@dataclass(frozen=True)
class RunLog:
    """The log of this run, as far as it is wanted. `reach`: how many lines of each table one search looks at."""

    run: SyncJobRun
    wanted: LogFilter = field(default_factory=LogFilter)
    reach: int = REACH

    def page(self, cursor: str | None = None, limit: int = LINES) -> LogPage:
        """The page at the cursor; without one, and for one that is not ours, the last page."""
        try:
            return self._page(cursor, limit)
        except BadCursor:
            return self._page(None, limit)

    def end(self) -> list[LogLine]:
        """The last lines with all they say."""
        return [LogLine.of(row) for row in reversed(merged_page(self._whole_tables(), None, LINES).rows)]

    def around(self, line_id: UUID) -> LogPage | None:
        """The page on which this line comes after a little of what was before it; None if the run has no such line."""
        key = self._key_of(line_id)
        if key is None:
            return None
        before = merged_page(self._tables(), cursor_at(*key, onwards=True), AHEAD).rows
        first = (before[-1].created_at, before[-1].id) if len(before) == AHEAD else (_START, UUID(int=0))
        return self.page(cursor_at(*first, onwards=False))

    def first_error(self) -> UUID | None:
        """The earliest line that tells of an error."""
        tables = RunLog(self.run, LogFilter(Severity.ERROR))._tables()
        rows = merged_page(tables, None, 1, order=ListOrder.OLDEST_FIRST).rows
        return rows[0].id if rows else None

    def since(self, moment: datetime, limit: int) -> list[LogLine]:
        """The last lines from the moment on, in the order of time; at most `limit`."""
        tables = [self._search(rows, None).filter(created_at__gte=moment) for rows in self._tables()]
        return [LogLine.of(row) for row in reversed(merged_page(tables, None, limit).rows)]

    def latest(self, limit: int) -> list[tuple[datetime, UUID]]:
        """The keys of the last lines, the latest first, whatever they say."""
        tables = [rows.values_list("created_at", "id", named=True) for rows in self._tables()]
        return [(row.created_at, row.id) for row in merged_page(tables, None, limit).rows]

    def whole(self, chunk: int = CHUNK) -> Iterator[LogLine]:
        """Every line with all it says, the first one first; of each table never more than a chunk is in memory."""
        rows = merge(*(_each(rows, chunk) for rows in self._whole_tables()), key=attrgetter("created_at", "id"))
        return map(LogLine.of, rows)

    def _page(self, cursor: str | None, limit: int) -> LogPage:
        page = merged_page([self._search(rows, cursor) for rows in self._tables()], cursor, limit)
        lines, earlier = [LogLine.of(row) for row in reversed(page.rows)], page.next_cursor
        edge = self._search_edge(cursor) if self.wanted.text else None
        kept = [line for line in lines if edge is None or (line.created_at, line.id) >= edge]
        if edge is None or (earlier is not None and len(kept) == len(lines)):
            return LogPage(lines, earlier, page.previous_cursor)
        return LogPage(kept, cursor_at(*edge, onwards=True), page.previous_cursor, searched_back_to=edge[0])

    def _search(self, rows: QuerySet[Any, Any], cursor: str | None) -> QuerySet[Any, Any]:
        """Those with the wanted text, among as many as one search looks at."""
        if not self.wanted.text:
            return rows
        looked_at = beyond(rows, cursor).values("id")[: self.reach]
        return rows.filter(_mentions(rows.model, self.wanted.text), id__in=looked_at)

    def _search_edge(self, cursor: str | None) -> tuple[datetime, UUID] | None:
        """The key up to which both tables have been looked through; None if that is all of them."""
        edges = [
            beyond(rows, cursor).values_list("created_at", "id")[self.reach - 1 : self.reach] for rows in self._keys()
        ]
        return max((key for found in edges for key in found), default=None)

    def _key_of(self, line_id: UUID) -> tuple[datetime, UUID] | None:
        found = [key for rows in self._keys() for key in rows.filter(id=line_id).values_list("created_at", "id")]
        return found[0] if found else None

    def _keys(self) -> list[QuerySet[Any, Any]]:
        """The rows of both tables that are severe enough."""
        events, errors = RunEvent.objects.filter(run=self.run), RecordError.objects.filter(run=self.run)
        if self.wanted.level != Severity.INFO:
            events = events.filter(kind__in=_AT_LEAST[self.wanted.level])
        return [events, errors]

    def _tables(self) -> list[QuerySet[Any, Any]]:
        """The same as lines, of which the message is no longer than a page shows."""
        events, errors = (rows.annotate(text=Left("message", GIST + 1)) for rows in self._keys())
        return [
            events.values_list(*_OF_EVENTS, "text", named=True),
            errors.values_list(*_OF_ERRORS, "text", named=True),
        ]

    def _whole_tables(self) -> list[QuerySet[Any, Any]]:
        events, errors = self._keys()
        return [
            events.values_list(*_OF_EVENTS, "message", named=True),
            errors.values_list(*_OF_ERRORS, "message", "url", "excerpt", named=True),
        ]


def _each(rows: QuerySet[Any, Any], chunk: int) -> Iterator[Any]:
    """The rows of one table in the order of time."""
    cursor: str | None = None
    while True:
        page = keyset_page(rows, cursor, chunk, order=ListOrder.OLDEST_FIRST)
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return


def _mentions(model: type[RunEvent] | type[RecordError], text: str) -> Q:
    """Rows in which the text stands somewhere."""
    condition = Q(message__icontains=text)
    if model is RecordError:
        for name in ("resource", "record_id", "code"):
            condition |= Q(**{f"{name}__icontains": text})
        if text.isdecimal() and len(text) == 3:
            condition |= Q(status_code=int(text))
    return condition
