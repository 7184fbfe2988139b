"""What a list remembers from page to page, so that it ends even where the source does not let it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from runs.connectors.bounds import OF_A_RUN, Bounds
from runs.connectors.errors import RequestFailed, UnknownCursor

REMEMBERED = 64
LONGEST_CURSOR = 64 * 1024
LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Trail:
    """The way of one list up to the page that `at` names (None: the first page).

    It travels as the page's cursor, so it survives a change of worker, and its size is bounded: rings of up to
    `REMEMBERED` cursors are seen as soon as they close, longer ones end at the bound of pages.
    """

    at: dict[str, Any] | None = None
    pages: int = 0
    empty_pages: int = 0
    seen: tuple[str, ...] = ()
    content: str = ""
    fault: dict[str, str] | None = None

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Self:
        """Raises UnknownCursor for one that `as_cursor` has not made."""
        if cursor is None:
            return cls()
        try:
            return cls(**{**cursor, "seen": tuple(cursor["seen"])})
        except (TypeError, KeyError) as error:
            raise UnknownCursor from error

    def as_cursor(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "pages": self.pages,
            "empty_pages": self.empty_pages,
            "seen": list(self.seen),
            "content": self.content,
            "fault": self.fault,
        }

    def check(self, bounds: Bounds = OF_A_RUN) -> None:
        """Raises RequestFailed if the page ahead must not be fetched."""
        if self.fault is not None:
            raise RequestFailed(self.fault["code"], self.fault["message"])
        if self.at is not None and _digest(self.at) in self.seen:
            raise RequestFailed("cursor_repeated", f"The source repeats a cursor after {self.pages} pages.")
        if self.empty_pages >= bounds.empty_pages:
            raise RequestFailed(
                "empty_pages", f"{self.empty_pages} pages in a row are empty, and there is still a next one."
            )
        if self.pages >= bounds.pages:
            raise RequestFailed("too_many_pages", f"The list does not end after {self.pages} pages.")

    def followed_by(self, at: dict[str, Any], *, is_empty: bool, content: str) -> Trail:
        """The trail after this page, leading to the next. `content`: the digest of a numbered page, else empty.

        Raises RequestFailed if two numbered pages in a row are the same: the source ignores the number.
        """
        if content and content == self.content:
            raise RequestFailed("page_repeated", f"The source sends the same page again after {self.pages} pages.")
        seen = self.seen if self.at is None else (*self.seen, _digest(self.at))
        empty_pages = self.empty_pages + 1 if is_empty else 0
        return Trail(at, self.pages + 1, empty_pages, seen[-REMEMBERED:], content)

    def ahead(self, cursors: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The cursors of pages behind this one, as they will be if none of the pages between is empty. What these hold
        can't be known."""
        trail = self
        for at in cursors:
            trail = trail.followed_by(at, is_empty=False, content="")
            yield trail.as_cursor()

    def broken(self, code: str, message: str) -> Trail:
        """The trail after a page whose next one can't be asked for. The page itself is kept; the error comes when the
        next one is due. The message has to be free of credentials: it is saved."""
        told = "".join(character if character.isprintable() else "?" for character in message[:LONGEST_MESSAGE])
        return Trail(pages=self.pages + 1, fault={"code": code, "message": told})


def is_page_of(cursor: Mapping[str, Any], *, asked_at: Mapping[str, Any], following: Mapping[str, Any] | None) -> bool:
    """Whether a page that was asked for before its cursor was known is the one that the cursor leads to.

    All of a cursor but the content of the page before can be known. A page with that very content is none: asked for
    once more, it is found to be the same in the usual way. `following` is where the page leads to.
    """
    if {**asked_at, "content": ""} != {**cursor, "content": ""}:
        return False
    return not cursor["content"] or following is None or following["content"] != cursor["content"]


def check_savable(at: Mapping[str, Any]) -> None:
    """Raises RequestFailed for a cursor that can't be saved with its page: it comes from a source."""
    try:
        text = json.dumps(at, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise RequestFailed("bad_cursor", "The next cursor can't be saved: it is no plain JSON.") from error
    if "\\u0000" in text.replace("\\\\", ""):
        raise RequestFailed("bad_cursor", "The next cursor can't be saved: it holds a NUL.")
    if size > LONGEST_CURSOR:
        raise RequestFailed("bad_cursor", f"The next cursor has {size} bytes; at most {LONGEST_CURSOR} are taken.")


def _digest(cursor: Mapping[str, Any]) -> str:
    return content_digest(json.dumps(cursor, sort_keys=True).encode())


def content_digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=8).hexdigest()
