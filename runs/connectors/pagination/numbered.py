"""Lists whose pages are numbered by us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from runs.connectors.faults import Section
from runs.connectors.pagination.ends import Ending
from runs.connectors.pagination.protocol import Cursor, PageView, Pagination, Parts

MOST_PAGES = 64  # of one list at once; the integration's own `concurrency` bounds them too


@dataclass(frozen=True)
class PageNumber(Pagination):
    """`?page=1`, `?page=2` and so on."""

    page_key: str
    start_page: int
    ending: Ending
    concurrency: int
    is_numbered = True

    @classmethod
    def parse(cls, config: Section) -> Self:
        start = config.number("start_page", 1, 0, 1_000_000)
        key = config.text("page_key", required=True) or ""
        return cls(key, 1 if start is None else start, Ending.parse(config, "total_pages_path"), _concurrency(config))

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        return Parts({self.page_key: self._number(cursor), **self.ending.limit.query(asked)})

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        following = self._number(cursor) + 1
        return None if self.ending.is_last(page, done=following - self.start_page) else {"page": following}

    def reads_records(self, records_path: str | None) -> bool:
        return self.ending.reads_records(records_path)

    def ahead(self, page: PageView, cursor: Cursor | None) -> list[Cursor]:
        following, total = self._number(cursor) + 1, self.ending.total(page)
        behind = following + self.concurrency
        behind = behind if total is None else min(behind, self.start_page + total)
        return [{"page": number} for number in range(following + 1, behind)]

    def _number(self, cursor: Cursor | None) -> int:
        return int(cursor["page"]) if cursor else self.start_page


@dataclass(frozen=True)
class Offset(Pagination):
    """`?offset=0`, then the number of records seen so far."""

    offset_key: str
    ending: Ending
    concurrency: int
    is_numbered = True

    @classmethod
    def parse(cls, config: Section) -> Self:
        key = config.text("offset_key", required=True) or ""
        return cls(key, Ending.parse(config, "total_path"), _concurrency(config))

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        return Parts({self.offset_key: self._seen(cursor), **self.ending.limit.query(asked)})

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        seen = self._seen(cursor) + len(page.records)
        return None if self.ending.is_last(page, done=seen) else {"offset": seen}

    def reads_records(self, records_path: str | None) -> bool:
        return self.ending.reads_records(records_path)

    def ahead(self, page: PageView, cursor: Cursor | None) -> list[Cursor]:
        """If every page brings as many records as this one."""
        size, total = len(page.records), self.ending.total(page)
        following = self._seen(cursor) + size
        behind = following + self.concurrency * size
        behind = behind if total is None else min(behind, total)
        return [{"offset": offset} for offset in range(following + size, behind, size)]

    def _seen(self, cursor: Cursor | None) -> int:
        return int(cursor["offset"]) if cursor else 0


def _concurrency(config: Section) -> int:
    return config.number("concurrency", 1, 1, MOST_PAGES) or 1
