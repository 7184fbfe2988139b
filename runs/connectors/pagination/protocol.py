"""What a pagination is: it says what is asked of a page, and reads from the page where the next one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Cursor = dict[str, Any]


@dataclass(frozen=True)
class Parts:
    """Parts of a page's request: what the entry and the integration ask for, or what a pagination lays over that.

    `url` is a link that is followed unchanged. `values` are those of a dynamic pagination, which it reads again after
    the page.
    """

    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    url: str | None = None
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class PageView:
    """What a pagination sees of a fetched page. `asked` is all that was sent; header names are in lower case."""

    url: str
    asked: Parts
    body: Any
    headers: Mapping[str, str]
    records: Sequence[Any]
    status_code: int = 200


class Pagination(Protocol):
    """One way. Frozen and without state: where a list stands is its cursor, plain JSON that is saved with the page and
    resumes it on any machine."""

    @property
    def is_numbered(self) -> bool:
        """Whether pages may be counted by us, so that a source may ignore the count and send one page for ever."""
        ...

    def reads_records(self, records_path: str | None) -> bool:
        """Whether it looks into the records, which are at this path of the body, and not only at how many there are."""
        return False

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        """What is laid over what is asked for, for the page at the cursor (None: the first).

        Raises RequestFailed where it can't be made of the integration's own words.
        """
        ...

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        """The cursor of the next page, or None at the end. Raises RequestFailed where the source's is unusable."""
        ...

    def ahead(self, page: PageView, cursor: Cursor | None) -> list[Cursor]:
        """The cursors of pages behind the next one which may be asked for beside it; none where a page's cursor is only
        known once the page before has come. They are guesses, but none is beyond an end that the source tells."""
        return []

    def is_end(self, status_code: int, headers: Mapping[str, str], cursor: Cursor | None) -> bool:
        """Whether an answer that is no success says that the list had ended before this page."""
        return False
