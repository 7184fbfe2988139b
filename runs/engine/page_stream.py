"""Fetching side by side, handing over in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any

from runs.connectors import FetchedPage, RateLimited, RequestFailed
from runs.engine.bindings import Binding
from runs.engine.gate import Gate
from runs.engine.lane import Asked, Lane, Turn
from runs.engine.record_form import Form

AHEAD = 2  # pages the request in front may be ahead of the writer, and more of them while they are small
BUFFERED = 3_000  # records, and requests that are done, which all others together may be ahead
BATCH_RECORDS = 2_000
# So many requests for each that may be in flight are drawn before their turn, for no thread to wait while a batch is
# written. And so many are written at once at most: it is there that a stop is seen.
ROUNDS = 2

Sent = Callable[[], None]
Fetch = Callable[[Binding, "dict[str, Any] | None", Sent], FetchedPage]
"""Gives the page at the cursor, and calls `Sent` once the request is on its way."""
Prepare = Callable[[FetchedPage], Sequence[Form]]
Note = Callable[[], None]
Job = Callable[[], Note]
"""What a thread does by itself, and what is noted of it while no other thread looks."""

__all__ = ["AHEAD", "BATCH_RECORDS", "BUFFERED", "Fetch", "PageStream", "Prepare", "Sent", "Turn"]


class PageStream:
    """The pages of many requests, fetched by a few threads, in the order of the requests.

    Guarantee: turns come out ordered by (request, page) whatever the source's timing. So a checkpoint is one request's
    number and one cursor, and of records that come twice the same one wins each time. Memory is bounded by `BUFFERED`
    and a page per thread; up to there a slow request in front keeps no other waiting. The database is never touched
    from the threads; the bindings are drawn in the caller's.

    A thread that has fetched a page asks for the next one first, and another one makes the page ready meanwhile: what
    that takes is not added to the source's own time. It is woken when the request has been sent, for the two not to
    take turns.
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
        batch waits up to `linger` seconds for more, until as many requests are done as are drawn before their turn; the
        very first one does not, so that every daemon gets on.

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
        self._drawn = ROUNDS * concurrency
        self._gate = gate or Gate(concurrency)
        self._jobs = self._gate.changed  # where the threads wait
        self._came = threading.Condition(self._gate.lock)  # where the caller does
        self._lanes: deque[Lane] = deque()
        self._unfetched: deque[Lane] = deque()  # those of them of which there is more to fetch
        self._unprepared: deque[Asked] = deque()
        self._waiting = 0  # lanes of which nothing has been asked for
        self._ahead = 0  # what counts against BUFFERED
        self._ready = 0  # records and errors among the turns
        self._open = 0  # lanes that are not done
        self._done = 0  # lanes that are, and are not handed over
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
        with self._came:
            self._jobs.notify(len(self._unprepared))  # where a request is held back, it is not sent for long
            self._top_up()
            if not self._lanes:
                return None
            ends = time.monotonic() + patience
            self._await(self._front_is_settled, ends)
            if self._has_begun:
                self._await(self._is_worth_taking, min(ends, time.monotonic() + self._linger))
            batch = self._take()
            self._has_begun = self._has_begun or bool(batch)
            if not batch and self._lanes:
                self._raise_if_stuck(self._lanes[0])
            return batch if batch or self._lanes or not self._exhausted else None

    def close(self, patience: float) -> None:
        """No request starts any more. Those in flight are waited for, `patience` seconds at most in all."""
        with self._came:
            self._closed = True
            self._jobs.notify_all()
            self._came.wait_for(lambda: not any(lane.is_busy for lane in self._lanes), timeout=patience)

    def _await(self, condition: Callable[[], bool], ends: float) -> None:
        """Wait for the condition, and meanwhile see to it that the threads have work."""
        while not condition() and (left := ends - time.monotonic()) > 0:
            self._came.wait_for(lambda: condition() or self._needs_more(), timeout=left)
            self._top_up()

    def _is_worth_taking(self) -> bool:
        """Nothing is gained by waiting longer: there is enough for a batch, or what there is waits for nothing else."""
        is_enough = self._ready >= BATCH_RECORDS or self._done >= self._drawn
        return is_enough or not self._open or self._closed or self._limited is not None

    def _needs_more(self) -> bool:
        """Asked for early, so that no thread waits for it."""
        return self._may_draw() and self._waiting <= self._drawn // 2

    def _may_draw(self) -> bool:
        if self._exhausted or self._closed or self._limited is not None:
            return False
        return self._ahead < BUFFERED or not self._lanes

    def _top_up(self) -> None:
        while self._may_draw() and self._waiting < self._drawn:
            binding = next(self._bindings, None)
            if binding is None:
                self._exhausted = True
                self._jobs.notify_all()
                break
            lane = Lane(binding, self._first_cursor)
            self._first_cursor = None
            self._lanes.append(lane)
            self._unfetched.append(lane)
            self._waiting += 1
            self._open += 1
            self._jobs.notify()
        self._note_wish()

    def _note_wish(self) -> None:
        """Tell the gate how many requests could be in flight, and have a thread for each: one more makes pages ready.

        Daemon threads: a process that must end does not wait for a slow source.
        """
        wished = self._open
        if wished < self._concurrency:
            wished = sum(lane.in_flight for lane in self._unfetched)
        self._gate.wanted = min(wished, self._concurrency)
        while len(self._threads) <= self._gate.wanted and wished:
            work = partial(copy_context().run, self._work)  # it masks, and logs, as the run's own thread does
            self._threads.append(threading.Thread(target=work, daemon=True))
            self._threads[-1].start()

    def _front_is_settled(self) -> bool:
        front = self._lanes[0]
        return bool(front.turns) or front.is_done or self._is_stuck(front)

    def _is_stuck(self, lane: Lane) -> bool:
        return not lane.is_busy and (lane.broken is not None or self._limited is not None)

    def _take(self) -> list[Turn]:
        batch: list[Turn] = []
        size = 0
        while self._lanes and size < BATCH_RECORDS:
            front = self._lanes[0]
            if front.turns:
                turn = front.turns.pop(0)
                batch.append(turn)
                front.size -= turn.record_count
                self._ahead -= turn.record_count
                self._ready -= max(1, turn.record_count)
                size += max(1, turn.record_count)
                if turn.error is not None:
                    break
            elif front.is_done:
                self._drop_front()
            else:
                break
        while self._lanes and self._lanes[0].is_done and not self._lanes[0].turns:
            self._drop_front()
        self._top_up()
        self._jobs.notify_all()
        return batch

    def _drop_front(self) -> None:
        self._lanes.popleft()
        self._ahead -= 1
        self._done -= 1

    def _raise_if_stuck(self, front: Lane) -> None:
        if front.is_busy:
            return
        if front.broken is not None:
            raise front.broken
        if self._limited is not None:
            raise self._limited

    # The threads' side.

    def _work(self) -> None:
        job = self._next_job()
        while job is not None:
            job = self._next_job(job())

    def _next_job(self, note: Note | None = None) -> Job | None:
        """With what has been noted of the last one: no thread comes in between, and takes what this one would do."""
        with self._jobs:
            if note is not None:
                note()
            while (job := self._job()) is None and not self._is_over():
                self._jobs.wait()
            return job

    def _is_over(self) -> bool:
        fetches_no_more = self._closed or self._limited is not None or (self._exhausted and not self._unfetched)
        return fetches_no_more and not self._unprepared

    def _job(self) -> Job | None:
        """Fetching first: the source's time is what there is least of."""
        lane = self._lane_to_fetch()
        if lane is not None:
            self._waiting -= lane.is_untouched
            self._gate.enter()
            return partial(self._fetch_page, lane.ask())
        return partial(self._prepare_page, self._unprepared.popleft()) if self._unprepared else None

    def _lane_to_fetch(self) -> Lane | None:
        """The first one with a page that is known; only where there is none, one with a page that is guessed."""
        if self._closed or self._limited is not None or not self._gate.is_open:
            return None
        for guessing in (False, True):
            for lane in self._unfetched:
                if lane.may_ask(guessing=guessing) and self._has_room(lane):
                    return lane
        return None

    def _has_room(self, lane: Lane) -> bool:
        if lane is self._lanes[0]:
            is_small = lane.size <= BATCH_RECORDS  # while a batch is taken, one more page is on its way
            return lane.pages < AHEAD + lane.in_flight - 1 or is_small
        return self._ahead < BUFFERED

    def _fetch_page(self, asked: Asked) -> Note:
        try:
            asked.page = self._fetch(asked.lane.binding, asked.cursor, self._sent)
        except RequestFailed as error:
            asked.error = error.bare()
        except BaseException as error:  # noqa: BLE001 - carried to the run's own thread, which raises it
            asked.broken = error
        return partial(self._take_in, asked)

    def _sent(self) -> None:
        with self._jobs:
            self._jobs.notify(len(self._unprepared))

    def _take_in(self, asked: Asked) -> None:
        self._gate.leave()
        if isinstance(asked.broken, RateLimited):
            self._limited = asked.broken
            asked.lane.break_off(asked)
        else:
            self._join(asked.lane)
        if asked.page is None or asked.lane.is_complete or not asked.lane.is_busy:  # else it is to be made ready first
            self._tell()

    def _tell(self) -> None:
        """Something is there for the caller, or for the other threads."""
        self._came.notify()
        if self._is_over():
            self._jobs.notify_all()

    def _join(self, lane: Lane) -> None:
        was_complete = lane.is_complete
        for joined in lane.join():
            if joined.page is None:
                self._make_ready(joined, Turn(lane.binding, error=joined.error))
            else:
                lane.size += len(joined.page.records)
                self._ahead += len(joined.page.records)
                self._unprepared.append(joined)
        if lane.is_complete and not was_complete:
            self._ahead += 1
            self._unfetched.remove(lane)
        self._note_wish()
        self._jobs.notify(max(0, lane.in_flight - 1))  # one of them is this thread's

    def _prepare_page(self, asked: Asked) -> Note:
        page, binding = asked.page, asked.lane.binding
        assert page is not None  # noqa: S101 - for the type checker
        try:
            turn = Turn(binding, page=page, forms=self._prepare(page))
        except BaseException as error:  # noqa: BLE001 - as above
            return partial(self._give_up, asked, error)
        return partial(self._make_ready, asked, turn)

    def _give_up(self, asked: Asked, error: BaseException) -> None:
        asked.lane.break_off(asked, error)
        self._tell()

    def _make_ready(self, asked: Asked, turn: Turn) -> None:
        self._ready += sum(max(1, made.record_count) for made in asked.lane.make_ready(asked, turn))
        if asked.lane.is_done:
            self._open -= 1
            self._done += 1
            self._note_wish()
        self._tell()
