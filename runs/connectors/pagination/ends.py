"""How a list is seen to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from runs.connectors.casts import as_text
from runs.connectors.faults import Section
from runs.connectors.pagination.protocol import PageView, Parts
from runs.connectors.paths import MISSING, leads_into, lookup

LARGEST_LIMIT = 100_000
_MOST_DIGITS = 15
_NO = ("", "false", "no", "0", "null")


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

    def query(self, asked: Parts) -> dict[str, Any]:
        return {} if self.key is None or asked.query.get(self.key) is not None else {self.key: self.size}

    def is_last(self, page: PageView) -> bool:
        """Whether the page is empty or shorter than what it was asked for (contract 5)."""
        own = page.asked.query.get(self.key) if self.key else None
        size = self.size if own is None else counted(own)
        return not page.records or (size is not None and len(page.records) < size)


@dataclass(frozen=True)
class Ending:
    """The end of a list that is numbered by us: an empty page, or what the source says of what there is, else a page
    that is shorter than the limit. A source that caps the limit silently needs one of the two paths."""

    limit: Limit
    has_next_path: str | None
    total_path: str | None

    @classmethod
    def parse(cls, config: Section, total_key: str) -> Self:
        return cls(Limit.parse(config), config.text("has_next_path"), config.text(total_key))

    def total(self, page: PageView) -> int | None:
        """How many there are of what the total counts; None where the source does not say."""
        return counted(lookup(page.body, self.total_path)) if self.total_path else None

    def is_last(self, page: PageView, done: int) -> bool:
        """`done`: how many of what the total counts have come with this page."""
        if not page.records:
            return True
        if self.has_next_path:
            return not says_more(page, self.has_next_path)
        total = self.total(page)
        return self.limit.is_last(page) if total is None else done >= total

    def reads_records(self, records_path: str | None) -> bool:
        return any(leads_into(path, records_path) for path in (self.has_next_path, self.total_path))


def says_more(page: PageView, path: str) -> bool:
    """Whether the body says at the path that there is a next page; nothing there says no."""
    value = lookup(page.body, path)
    if isinstance(value, str):
        return value.strip().lower() not in _NO
    return value is not MISSING and bool(value)


def counted(value: Any) -> int | None:
    """A number of things, also where it is written as a text; None for anything else."""
    text = "" if value is MISSING or isinstance(value, bool) else as_text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
