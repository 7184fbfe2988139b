"""Fetching side by side, handing over in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from runs.connectors import FetchedPage, RateLimited, RequestFailed
from runs.engine.bindings import Binding

AHEAD = 2  # pages the request in front may be ahead of the writer
BUFFERED_RECORDS = 4_000  # records all other requests together may be ahead
BATCH_RECORDS = 1_000

Fetch = Callable[[Binding, "dict[str, Any] | None"], FetchedPage]


@dataclass(frozen=True)
class Turn:
    """One page of one request, or the error that ended the request."""

    binding: Binding
    page: FetchedPage | None = None
    error: RequestFailed | None = None

    @property
    def next_cursor(self) -> dict[str, Any] | None:
        """Where the request goes on; None when it is done."""
        return self.page.next_cursor if self.page else None

    @property
    def record_count(self) -> int:
        return len(self.page.records) if self.page else 0


@dataclass(eq=False)
class _Lane:
    """One request: its fetched turns that are not handed over yet."""

    binding: Binding
    cursor: dict[str, Any] | None = None
    turns: deque[Turn] = field(default_factory=deque)
    fetching: bool = False
    ended: bool = False
    broken: BaseException | None = None


class PageStream:
    """The pages of many requests, fetched by a few threads, in the order of the requests.

    Guarantee: turns come out ordered by (request, page) whatever the source's timing. So a checkpoint is one request's
    number and one cursor, and of records that come twice the same one wins each time. Memory is bounded by
    `BUFFERED_RECORDS` and a page per thread. The database is never touched from the threads; the bindings are drawn in
    the caller's.
    """

    def __init__(
        self, fetch: Fetch, bindings: Iterator[Binding], *, cursor: dict[str, Any] | None, concurrency: int
    ) -> None:
        self._fetch = fetch
        self._bindings = bindings
        self._first_cursor = cursor
        self._concurrency = concurrency
        self._changed = threading.Condition()
        self._lanes: deque[_Lane] = deque()
        self._waiting: deque[_Lane] = deque()
        self._threads: list[threading.Thread] = []
        self._exhausted = False
        self._closed = False
        self._limited: RateLimited | None = None

    def next_batch(self, patience: float) -> list[Turn] | None:
        """The turns that are ready, up to about `BATCH_RECORDS` records and to the first error.

        Waits up to `patience` seconds for the first; an empty list when none came, None when all are handed over.
        Raises RateLimited once nothing before the wait is left to hand over, and whatever broke a thread.
        """
        with self._changed:
            self._top_up()
            if not self._lanes:
                return None
            self._changed.wait_for(self._front_is_settled, timeout=patience)
            batch = self._take()
            if not batch and self._lanes:
                self._raise_if_stuck(self._lanes[0])
            return batch if batch or self._lanes or not self._exhausted else None

    def close(self, patience: float) -> None:
        """No request starts any more. Those in flight are waited for, `patience` seconds at most in all."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(lane.fetching for lane in self._lanes), timeout=patience)

    def _top_up(self) -> None:
        while not (self._exhausted or self._closed) and len(self._lanes) < 2 * self._concurrency:
            binding = next(self._bindings, None)
            if binding is None:
                self._exhausted = True
                return
            lane = _Lane(binding, cursor=self._first_cursor)
            self._first_cursor = None
            self._lanes.append(lane)
            self._waiting.append(lane)
            self._start_thread()

    def _start_thread(self) -> None:
        """One more, up to the bound. Daemon threads: a process that must end does not wait for a slow source."""
        if len(self._threads) < self._concurrency:
            self._threads.append(threading.Thread(target=self._work, daemon=True))
            self._threads[-1].start()
        self._changed.notify_all()

    def _front_is_settled(self) -> bool:
        front = self._lanes[0]
        return bool(front.turns) or front.ended or front.broken is not None or self._is_held_back(front)

    def _is_held_back(self, lane: _Lane) -> bool:
        return self._limited is not None and not lane.fetching

    def _take(self) -> list[Turn]:
        batch: list[Turn] = []
        while self._lanes and sum(turn.record_count for turn in batch) < BATCH_RECORDS:
            front = self._lanes[0]
            if front.turns:
                batch.append(front.turns.popleft())
                if batch[-1].error is not None:
                    break
            elif front.ended:
                self._lanes.popleft()
                self._top_up()
            else:
                break
        self._drop_ended_front()
        self._changed.notify_all()
        return batch

    def _drop_ended_front(self) -> None:
        while self._lanes and self._lanes[0].ended and not self._lanes[0].turns:
            self._lanes.popleft()
            self._top_up()

    def _raise_if_stuck(self, front: _Lane) -> None:
        if front.broken is not None:
            raise front.broken
        if self._limited is not None and self._is_held_back(front):
            raise self._limited

    # The threads' side.

    def _work(self) -> None:
        while (lane := self._next_lane()) is not None:
            while self._wait_for_room(lane):
                self._fetch_turn(lane)

    def _next_lane(self) -> _Lane | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over())
            return None if self._is_over() else self._waiting.popleft()

    def _is_over(self) -> bool:
        done = self._exhausted and not self._waiting
        return self._closed or self._limited is not None or done

    def _wait_for_room(self, lane: _Lane) -> bool:
        """True when the lane's next page may be fetched, False when there is none or the stream ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_cut(lane) or self._has_room(lane))
            lane.fetching = not self._is_cut(lane)
            return lane.fetching

    def _is_cut(self, lane: _Lane) -> bool:
        return lane.ended or lane.broken is not None or self._closed or self._limited is not None

    def _has_room(self, lane: _Lane) -> bool:
        if lane is self._lanes[0]:
            return len(lane.turns) < AHEAD
        ahead = sum(turn.record_count for other in self._lanes for turn in other.turns)
        return ahead < BUFFERED_RECORDS

    def _fetch_turn(self, lane: _Lane) -> None:
        turn, broken = self._attempt(lane)
        with self._changed:
            lane.fetching = False
            if turn is not None:
                lane.turns.append(turn)
                lane.cursor = turn.next_cursor
                lane.ended = turn.next_cursor is None
            elif isinstance(broken, RateLimited):
                self._limited = broken
            else:
                lane.broken = broken
            self._changed.notify_all()

    def _attempt(self, lane: _Lane) -> tuple[Turn | None, BaseException | None]:
        try:
            return Turn(lane.binding, page=self._fetch(lane.binding, lane.cursor)), None
        except RequestFailed as error:
            return Turn(lane.binding, error=error), None
        except BaseException as error:  # noqa: BLE001 - carried to the run's own thread, which raises it
            return None, error
