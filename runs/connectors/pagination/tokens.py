"""Lists whose next page the source names: by a cursor, or by a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from runs.connectors.address_guard import joined
from runs.connectors.errors import RequestFailed
from runs.connectors.faults import Section
from runs.connectors.link_header import next_link
from runs.connectors.pagination.ends import Limit, says_more
from runs.connectors.pagination.protocol import Cursor, PageView, Pagination, Parts
from runs.connectors.paths import MISSING, leads_into, lookup

PLACES = ("body", "header", "last_record")


@dataclass(frozen=True)
class TokenCursor(Pagination):
    """The source hands out the next cursor, in the body or in a header, as a value or as a link; or the next page
    begins after the last record of this one."""

    cursor_key: str | None
    place: str
    path: str
    has_next_path: str | None
    is_link: bool
    limit: Limit
    is_numbered = False

    @classmethod
    def parse(cls, config: Section) -> Self:
        place, path = _place(config)
        cursor = cls(
            cursor_key=config.text("cursor_key"),
            place=place,
            path=path,
            has_next_path=config.text("has_next_path"),
            is_link=config.flag("is_link"),
            limit=Limit.parse(config),
        )
        if not cursor.is_link and cursor.cursor_key is None and config.value("cursor_key") is None:
            config.fail("cursor_key", "is required unless is_link is true.")
        return cursor

    def reads_records(self, records_path: str | None) -> bool:
        if self.place == "last_record":
            return True
        paths = [self.path if self.place == "body" else None, self.has_next_path]
        return any(leads_into(path, records_path) for path in paths)

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        if cursor and "url" in cursor:
            return Parts(url=cursor["url"])
        start = {} if cursor is None or self.cursor_key is None else {self.cursor_key: cursor["cursor"]}
        return Parts({**start, **self.limit.query(asked)})

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        if self._is_over(page):
            return None
        found = self._found(page)
        if found is MISSING or not (found or self._is_id_zero(found)):
            self._check_end()
            return None
        if not isinstance(found, str | int) or isinstance(found, bool):
            raise RequestFailed("wrong_shape", f"The cursor at {self.path} is neither a text nor a number.")
        return {"url": joined(page.url, str(found))} if self.is_link else {"cursor": found}

    def _is_over(self, page: PageView) -> bool:
        if self.has_next_path:
            return not says_more(page, self.has_next_path)
        return self.place == "last_record" and self.limit.is_last(page)

    def _found(self, page: PageView) -> Any:
        if self.place == "header":
            return page.headers.get(self.path.lower())
        if self.place == "last_record":
            return lookup(page.records[-1], self.path) if page.records else MISSING
        return lookup(page.body, self.path)

    def _is_id_zero(self, found: Any) -> bool:
        """A source that hands out 0 says that there is no more; a record may have the id 0."""
        return self.place == "last_record" and found == 0 and found is not False

    def _check_end(self) -> None:
        """No cursor is the end, unless it is known that there is more: a list is not cut off silently."""
        if self.has_next_path or self.place == "last_record":
            where = f"at {self.path} of the last record" if self.place == "last_record" else f"at {self.path}"
            raise RequestFailed("no_cursor", f"There is a next page, but no cursor {where}.")


def _place(config: Section) -> tuple[str, str]:
    """Where the cursor is, and its path or header name there."""
    header = config.text("cursor_header")
    if (config.value("cursor_path") is None) == (config.value("cursor_header") is None):
        config.fail("cursor_path", "is required, or cursor_header; not both.")
    if config.value("cursor_from") is None:
        return ("header", header) if header else ("body", config.text("cursor_path") or "")
    place = config.choice("cursor_from", PLACES) or "body"
    if (place == "header") != (config.value("cursor_header") is not None):
        config.fail("cursor_from", "is header where cursor_header is given, and only there.")
    return place, header or config.text("cursor_path") or ""


@dataclass(frozen=True)
class LinkHeader(Pagination):
    """The header `Link: <...>; rel="next"` (RFC 8288). A relative target is one of the page's own address."""

    limit: Limit
    is_numbered = False

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(Limit.parse(config))

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        return Parts(url=cursor["url"]) if cursor else Parts(self.limit.query(asked))

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        target = next_link(page.headers.get("link", ""))
        return {"url": joined(page.url, target)} if target is not None else None
