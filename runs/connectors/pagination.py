"""How a list goes on after a page. A new way is one class and its line in PAGINATIONS.

The classes are frozen and hold no state: where a list stands is its cursor, plain JSON that is saved with the page and
resumes it on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import urljoin

from runs.connectors.errors import RequestFailed
from runs.connectors.faults import Section
from runs.connectors.link_header import next_link
from runs.connectors.paths import MISSING, lookup

Cursor = dict[str, Any]
COMING = ("range", "dynamic")
LARGEST_LIMIT = 100_000


@dataclass(frozen=True)
class PageView:
    """What a pagination sees of a fetched page. `query` is what was asked; header names are in lower case."""

    url: str
    query: Mapping[str, Any]
    body: Any
    headers: Mapping[str, str]
    records: Sequence[Any]


class Pagination(Protocol):
    """A cursor with the key `url` is a link, which is followed unchanged."""

    @property
    def is_numbered(self) -> bool:
        """Whether pages are counted by us, so that a source may ignore the count and send one page for ever."""
        ...

    @classmethod
    def parse(cls, config: Section) -> Self: ...

    def query(self, asked: Mapping[str, Any], cursor: Cursor | None) -> dict[str, Any]:
        """The parameters of the page at the cursor (None: the first), to be laid over those asked for."""
        ...

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        """The cursor of the next page, or None at the end. Raises RequestFailed where the source's is unusable."""
        ...


@dataclass(frozen=True)
class Limit:
    """How many records a page is asked for. A limit in the entry's own query is the one that holds."""

    key: str | None
    size: int | None

    @classmethod
    def parse(cls, config: Section) -> Self:
        limit = cls(config.text("limit_key"), config.number("limit", None, 1, LARGEST_LIMIT))
        if limit.key and limit.size is None and config.value("limit") is None:
            config.fail("limit", "is required where limit_key is given.")
        return limit

    def query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {} if self.key is None or asked.get(self.key) is not None else {self.key: self.size}

    def is_last(self, page: PageView) -> bool:
        """Whether the page is empty or shorter than what it was asked for (contract 5)."""
        given = str(page.query.get(self.key, "")) if self.key else ""
        size = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else self.size
        return not page.records or (size is not None and len(page.records) < size)


@dataclass(frozen=True)
class PageNumber:
    """`?page=1`, `?page=2` and so on."""

    page_key: str
    start_page: int
    limit: Limit
    is_numbered = True

    @classmethod
    def parse(cls, config: Section) -> Self:
        start = config.number("start_page", 1, 0, 1_000_000)
        return cls(config.text("page_key", required=True) or "", 1 if start is None else start, Limit.parse(config))

    def query(self, asked: Mapping[str, Any], cursor: Cursor | None) -> dict[str, Any]:
        return {self.page_key: cursor["page"] if cursor else self.start_page, **self.limit.query(asked)}

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        if self.limit.is_last(page):
            return None
        return {"page": (cursor["page"] if cursor else self.start_page) + 1}


@dataclass(frozen=True)
class Offset:
    """`?offset=0`, then the number of records seen so far."""

    offset_key: str
    limit: Limit
    is_numbered = True

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(config.text("offset_key", required=True) or "", Limit.parse(config))

    def query(self, asked: Mapping[str, Any], cursor: Cursor | None) -> dict[str, Any]:
        return {self.offset_key: cursor["offset"] if cursor else 0, **self.limit.query(asked)}

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        if self.limit.is_last(page):
            return None
        return {"offset": (cursor["offset"] if cursor else 0) + len(page.records)}


@dataclass(frozen=True)
class TokenCursor:
    """The source hands out the next cursor, in the body or in a header, as a value or as a link."""

    cursor_key: str | None
    cursor_path: str | None
    cursor_header: str | None
    has_next_path: str | None
    is_link: bool
    limit: Limit
    is_numbered = False

    @classmethod
    def parse(cls, config: Section) -> Self:
        cursor = cls(
            cursor_key=config.text("cursor_key"),
            cursor_path=config.text("cursor_path"),
            cursor_header=config.text("cursor_header"),
            has_next_path=config.text("has_next_path"),
            is_link=config.flag("is_link"),
            limit=Limit.parse(config),
        )
        if not cursor.is_link and cursor.cursor_key is None and config.value("cursor_key") is None:
            config.fail("cursor_key", "is required unless is_link is true.")
        if (config.value("cursor_path") is None) == (config.value("cursor_header") is None):
            config.fail("cursor_path", "is required, or cursor_header; not both.")
        return cursor

    def query(self, asked: Mapping[str, Any], cursor: Cursor | None) -> dict[str, Any]:
        start = {} if cursor is None or self.cursor_key is None else {self.cursor_key: cursor["cursor"]}
        return {**start, **self.limit.query(asked)}

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        has_next = lookup(page.body, self.has_next_path) if self.has_next_path else True
        found = self._found(page)
        if has_next is MISSING or not has_next or found is MISSING or not found:
            return None
        if not isinstance(found, str | int) or isinstance(found, bool):
            where = self.cursor_path or self.cursor_header
            raise RequestFailed("wrong_shape", f"The cursor at {where} is neither a text nor a number.")
        return {"url": urljoin(page.url, str(found))} if self.is_link else {"cursor": found}

    def _found(self, page: PageView) -> Any:
        if self.cursor_header:
            return page.headers.get(self.cursor_header.lower())
        return lookup(page.body, self.cursor_path or "")


@dataclass(frozen=True)
class LinkHeader:
    """The header `Link: <...>; rel="next"` (RFC 8288). A relative target is one of the page's own address."""

    limit: Limit
    is_numbered = False

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(Limit.parse(config))

    def query(self, asked: Mapping[str, Any], cursor: Cursor | None) -> dict[str, Any]:
        return self.limit.query(asked)

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        target = next_link(page.headers.get("link", ""))
        return {"url": urljoin(page.url, target)} if target is not None else None


PAGINATIONS: Mapping[str, type[Pagination]] = {
    "page": PageNumber,
    "offset": Offset,
    "cursor": TokenCursor,
    "link_header": LinkHeader,
}


def parse_pagination(section: Section) -> Pagination | None:
    """The pagination that the section describes; None if it describes none. Faults are noted in the section."""
    if not section.values:
        return None
    name = section.choice("format", PAGINATIONS, COMING)
    return PAGINATIONS[name].parse(section.section("config")) if name else None
