"""What a list remembers from page to page, so that it ends even where the source does not let it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from runs.connectors.errors import RequestFailed

MAX_PAGES = 100_000
MAX_EMPTY_PAGES = 3
REMEMBERED = 64


@dataclass(frozen=True)
class Trail:
    """The way of one list up to the page that `at` names (None: the first page).

    It travels as the page's cursor, so it survives a change of worker, and its size is bounded: rings of up to
    `REMEMBERED` cursors are seen as soon as they close, longer ones end at `MAX_PAGES`.
    """

    at: dict[str, Any] | None = None
    pages: int = 0
    empty_pages: int = 0
    seen: tuple[str, ...] = ()
    content: str = ""

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Self:
        return cls() if cursor is None else cls(**{**cursor, "seen": tuple(cursor["seen"])})

    def as_cursor(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "pages": self.pages,
            "empty_pages": self.empty_pages,
            "seen": list(self.seen),
            "content": self.content,
        }

    def check(self) -> None:
        """Raises RequestFailed if the page ahead must not be fetched."""
        if self.at is not None and _digest(self.at) in self.seen:
            raise RequestFailed("cursor_repeated", f"The source repeats a cursor after {self.pages} pages.")
        if self.empty_pages >= MAX_EMPTY_PAGES:
            raise RequestFailed(
                "empty_pages", f"{self.empty_pages} pages in a row are empty, and there is still a next one."
            )
        if self.pages >= MAX_PAGES:
            raise RequestFailed("too_many_pages", f"The list does not end after {self.pages} pages.")

    def followed_by(self, at: dict[str, Any], *, is_empty: bool, content: str) -> Trail:
        """The trail after this page, leading to the next. `content`: the digest of a numbered page, else empty.

        Raises RequestFailed if two numbered pages in a row are the same: the source ignores the number.
        """
        if content and content == self.content:
            raise RequestFailed("page_repeated", f"The source sends the same page again after {self.pages} pages.")
        is_numbered = bool(content)
        seen = self.seen if self.at is None or is_numbered else (*self.seen, _digest(self.at))
        empty_pages = self.empty_pages + 1 if is_empty else 0
        return Trail(at, self.pages + 1, empty_pages, seen[-REMEMBERED:], content)


def _digest(cursor: Mapping[str, Any]) -> str:
    return content_digest(json.dumps(cursor, sort_keys=True).encode())


def content_digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=8).hexdigest()
