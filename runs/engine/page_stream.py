"""Fetching side by side, handing over in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runs.connectors import FetchedPage, RateLimited, RequestFailed
from runs.engine.bindings import Binding
from runs.engine.gate import Gate
from runs.engine.record_form import Form

AHEAD = 2  # pages the request in front may be ahead of the writer, and more of them while they are small
BUFFERED = 4_000  # records, and requests that are done, which all others together may be ahead
BATCH_RECORDS = 2_000

Fetch = Callable[[Binding, "dict[str, Any] | None"], FetchedPage]
Prepare = Callable[[FetchedPage], Sequence[Form]]


@dataclass(frozen=True)
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


@dataclass(eq=False)
class _Lane:
    """One request: its fetched turns that are not handed over yet."""

    binding: Binding
    cursor: dict[str, Any] | None = None
    turns: deque[Turn] = field(default_factory=deque)
    size: int = 0  # of the turns, in records
    fetching: bool = False
    ended: bool = False
    broken: BaseException | None = None


class PageStream:
    """The pages of many requests, fetched by a few threads, in the order of the requests.

    Guarantee: turns come out ordered by (request, page) whatever the source's timing. So a checkpoint is one request's
    number and one cursor, and of records that come twice the same one wins each time. Memory is bounded by `BUFFERED`
    and a page per thread; up to there a slow request in front keeps no other waiting. The database is never touched
    from the threads; the bindings are drawn in the caller's.
    """

    def __init__(
        self,
        fetch: Fetch,
        bindings: Iterator[Binding],
        *,
        cursor: dict[str, Any] | None,
        concurrency: int,
        gate: Gate | None = None,
        prepare: Prepare = lambda page: (),
        linger: float = 0.0,
    ) -> None:
        """At most `concurrency` requests are in flight, and at most as many as the gate lets pass. The first page of a
        batch waits up to `linger` seconds for more; the very first one does not, so that every daemon gets on.

        What can be done with a page without the database is done by `prepare`, in the fetching threads: the caller's
        own waits for the database meanwhile.
        """
        self._fetch = fetch
        self._prepare = prepare
        self._linger = linger
        self._has_begun = False
        self._bindings = bindings
        self._first_cursor = cursor
        self._concurrency = concurrency
        self._gate = gate or Gate(concurrency)
        self._changed = self._gate.changed
        self._lanes: deque[_Lane] = deque()
        self._waiting: deque[_Lane] = deque()
        self._ahead = 0  # what counts against BUFFERED
        self._open = 0  # lanes that have not ended
        self._threads: list[threading.Thread] = []
        self._exhausted = False
        self._closed = False
        self._limited: RateLimited | None = None

    def next_batch(self, patience: float) -> list[Turn] | None:
        """The turns that are ready, up to about `BATCH_RECORDS` records and to the first error.

        Waits up to `patience` seconds for the first, and what is left of them for as many records; an empty list when
        none came, None when all are handed over.
        Raises RateLimited once nothing before the wait is left to hand over, and whatever broke a thread.
        """
        with self._changed:
            self._top_up()
            if not self._lanes:
                return None
            ends = time.monotonic() + patience
            self._await_front(ends)
            if self._has_begun:
                self._changed.wait_for(self._is_worth_taking, min(self._linger, max(0, ends - time.monotonic())))
            batch = self._take()
            self._has_begun = self._has_begun or bool(batch)
            if not batch and self._lanes:
                self._raise_if_stuck(self._lanes[0])
            return batch if batch or self._lanes or not self._exhausted else None

    def close(self, patience: float) -> None:
        """No request starts any more. Those in flight are waited for, `patience` seconds at most in all."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(lane.fetching for lane in self._lanes), timeout=patience)

    def _await_front(self, ends: float) -> None:
        """Wait for what can be handed over, and meanwhile see to it that the threads have work."""
        while not self._front_is_settled() and (left := ends - time.monotonic()) > 0:
            self._changed.wait_for(lambda: self._front_is_settled() or self._needs_more(), timeout=left)
            self._top_up()

    def _is_worth_taking(self) -> bool:
        """Nothing is gained by waiting longer: there is enough for a batch, or what there is waits for nothing else."""
        return self._ahead >= BATCH_RECORDS or not self._open or self._closed or self._limited is not None

    def _needs_more(self) -> bool:
        """Asked for early, so that no thread waits for it."""
        return self._may_draw() and len(self._waiting) <= self._concurrency // 2

    def _may_draw(self) -> bool:
        if self._exhausted or self._closed or self._limited is not None:
            return False
        return self._ahead < BUFFERED or not self._lanes

    def _top_up(self) -> None:
        while self._may_draw() and len(self._waiting) < self._concurrency:
            binding = next(self._bindings, None)
            if binding is None:
                self._exhausted = True
                break
            lane = _Lane(binding, cursor=self._first_cursor)
            self._first_cursor = None
            self._lanes.append(lane)
            self._waiting.append(lane)
            self._open += 1
            self._start_thread()
        self._gate.wanted = min(self._open, self._concurrency)

    def _start_thread(self) -> None:
        """One more, up to the bound. Daemon threads: a process that must end does not wait for a slow source."""
        if len(self._threads) < self._concurrency:
            work = partial(copy_context().run, self._work)  # it masks, and logs, as the run's own thread does
            self._threads.append(threading.Thread(target=work, daemon=True))
            self._threads[-1].start()
        self._changed.notify_all()

    def _front_is_settled(self) -> bool:
        front = self._lanes[0]
        return bool(front.turns) or front.ended or front.broken is not None or self._is_held_back(front)

    def _is_held_back(self, lane: _Lane) -> bool:
        return self._limited is not None and not lane.fetching

    def _take(self) -> list[Turn]:
        batch: list[Turn] = []
        size = 0
        while self._lanes and size < BATCH_RECORDS:
            front = self._lanes[0]
            if front.turns:
                batch.append(front.turns.popleft())
                front.size -= batch[-1].record_count
                self._ahead -= batch[-1].record_count
                size += max(1, batch[-1].record_count)
                if batch[-1].error is not None:
                    break
            elif front.ended:
                self._drop_front()
            else:
                break
        while self._lanes and self._lanes[0].ended and not self._lanes[0].turns:
            self._drop_front()
        self._top_up()
        self._changed.notify_all()
        return batch

    def _drop_front(self) -> None:
        self._lanes.popleft()
        self._ahead -= 1

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
            self._changed.wait_for(lambda: self._is_cut(lane) or (self._gate.is_open and self._has_room(lane)))
            lane.fetching = not self._is_cut(lane)
            if lane.fetching:
                self._gate.enter()
            return lane.fetching

    def _is_cut(self, lane: _Lane) -> bool:
        return lane.ended or lane.broken is not None or self._closed or self._limited is not None

    def _has_room(self, lane: _Lane) -> bool:
        if lane is self._lanes[0]:
            return len(lane.turns) < AHEAD or lane.size < BATCH_RECORDS
        return self._ahead < BUFFERED

    def _fetch_turn(self, lane: _Lane) -> None:
        turn, broken = self._attempt(lane)
        with self._changed:
            lane.fetching = False
            self._gate.leave()
            if turn is not None:
                self._keep(lane, turn)
            elif isinstance(broken, RateLimited):
                self._limited = broken
            else:
                lane.broken = broken
            self._changed.notify_all()

    def _keep(self, lane: _Lane, turn: Turn) -> None:
        lane.turns.append(turn)
        lane.size += turn.record_count
        lane.cursor = turn.next_cursor
        lane.ended = turn.next_cursor is None
        self._ahead += turn.record_count + lane.ended
        self._open -= lane.ended
        self._gate.wanted = min(self._open, self._concurrency)

    def _attempt(self, lane: _Lane) -> tuple[Turn | None, BaseException | None]:
        try:
            page = self._fetch(lane.binding, lane.cursor)
            return Turn(lane.binding, page=page, forms=self._prepare(page)), None
        except RequestFailed as error:
            return Turn(lane.binding, error=error), None
        except BaseException as error:  # noqa: BLE001 - carried to the run's own thread, which raises it
            return None, error
