"""One request's pages on their way: asked for, come, joined to those before them, handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runs.connectors import FetchedPage, RequestFailed, is_page_of
from runs.engine.bindings import Binding
from runs.engine.record_form import Form

Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One page of one request with its records made ready to be written, or the error that ended the request."""

    binding: Binding
    page: FetchedPage | None = None
    error: RequestFailed | None = None
    forms: Sequence[Form] = ()

    @property
    def next_cursor(self) -> dict[str, Any] | None:
        """Where the request goes on; None when it is done."""
        return self.page.next_cursor if self.page else None

    @property
    def record_count(self) -> int:
        return len(self.page.records) if self.page else 0


@dataclass(eq=False, slots=True)
class Asked:
    """A page that has been asked for. It has come with one of `page`, `error` (the source's) and `broken` (ours)."""

    lane: Lane
    cursor: Cursor | None
    page: FetchedPage | None = None
    error: RequestFailed | None = None
    broken: BaseException | None = None
    turn: Turn | None = None

    @property
    def has_come(self) -> bool:
        return not (self.page is None and self.error is None and self.broken is None)

    def belongs_at(self, cursor: Cursor | None) -> bool:
        """Whether it is the page that the list goes on with at the cursor."""
        if cursor == self.cursor or cursor is None or self.cursor is None:
            return cursor == self.cursor
        return is_page_of(cursor, asked_at=self.cursor, following=self.page.next_cursor if self.page else None)


class Lane:
    """The pages of one request, in their order.

    The page behind those that have come is known, further ones are guessed where the source lets pages be addressed.
    Guarantee: a guessed page counts only once the page before it leads to just that one. So what is handed over is what
    would have come one by one; all that has been asked for beyond the end, an error too, is forgotten, and where one
    guess is wrong none is made any more.
    """

    def __init__(self, binding: Binding, cursor: Cursor | None) -> None:
        self.binding = binding
        self.turns: list[Turn] = []  # not handed over yet; lists, because there are many lanes, and they are short
        self.size = 0  # records that have come and are not handed over
        self.broken: BaseException | None = None
        self.is_complete = False  # what there is has been asked for, and has come
        self._cursor = cursor  # of the page behind those that are joined
        self._wanted = [cursor]  # the pages to ask for, the first one known unless others are on their way
        self._asked: list[Asked] = []
        self._joined = 0  # so many of them, from the front on, are known to belong to the list
        self._guesses = True
        self.is_untouched = True

    @property
    def is_busy(self) -> bool:
        """Whether a page is on its way, or is being made ready."""
        return bool(self._asked)

    @property
    def is_done(self) -> bool:
        """Whether all there will be is among the turns."""
        return self.is_complete and not self._asked

    @property
    def in_flight(self) -> int:
        """How many requests it makes, or would make if it could."""
        return len(self._asked) - self._joined + len(self._wanted)

    @property
    def pages(self) -> int:
        """How many are on their way or wait for being handed over."""
        return len(self._asked) + len(self.turns)

    def may_ask(self, *, guessing: bool) -> bool:
        """Whether there is a page to ask for, that is known or may be guessed."""
        return bool(self._wanted) and (guessing or len(self._asked) == self._joined)

    def ask(self) -> Asked:
        self.is_untouched = False
        asked = Asked(self, self._wanted.pop(0))
        self._asked.append(asked)
        return asked

    def join(self) -> list[Asked]:
        """Those that have come and are now known to belong to the list, in their order."""
        joined: list[Asked] = []
        while self._joined < len(self._asked) and (asked := self._asked[self._joined]).has_come:
            if not asked.belongs_at(self._cursor):
                self._guesses = False
                self._plan([self._cursor])
                break
            if asked.broken is not None:
                self.break_off(asked, asked.broken)
                break
            self._joined += 1
            joined.append(asked)
            self._go_on_behind(asked)
        return joined

    def make_ready(self, asked: Asked, turn: Turn) -> list[Turn]:
        """The page, which is joined, can be handed over once those before it are. Returns what now can."""
        asked.turn = turn
        before = len(self.turns)
        while self._asked and (first := self._asked[0].turn) is not None:
            self.turns.append(first)
            self._asked.pop(0)
            self._joined -= 1
        return self.turns[before:]

    def break_off(self, asked: Asked, broken: BaseException | None = None) -> None:
        """Forget the page and those behind it: it does not come, and what is broken is raised in its place."""
        if asked in self._asked:
            kept = self._asked.index(asked)
            self._joined = min(self._joined, kept)
            self._forget(kept)
            self._wanted.clear()
            self.is_complete = False
            self.broken = broken

    def _go_on_behind(self, asked: Asked) -> None:
        self._cursor = asked.page.next_cursor if asked.page else None
        if asked.page is None or self._cursor is None:
            self.is_complete = True
            self._plan([])
        else:
            self._plan([self._cursor, *(asked.page.ahead if self._guesses else ())])

    def _plan(self, cursors: Sequence[Cursor | None]) -> None:
        """These are the pages behind those that are joined, as far as is known."""
        on_their_way = len(self._asked) - self._joined if self._guesses else 0
        self._forget(self._joined + min(on_their_way, len(cursors)))
        self._wanted = list(cursors[on_their_way:])

    def _forget(self, kept: int) -> None:
        del self._asked[kept:]
