"""Pages are fetched side by side and handed over in order."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runs.connectors import FetchedPage, RateLimited, RequestFailed
from runs.engine.bindings import Binding
from runs.engine.gate import Gate
from runs.engine.page_stream import AHEAD, BATCH_RECORDS, BUFFERED, Fetch, PageStream, Sent, Turn
from runs.engine.record_form import Form, StorableRecord
from tests.processes import wait_until

LIMIT = 10.0  # seconds a test waits for what must come


def bindings(count: int) -> Iterator[Binding]:
    return (Binding(number, {}) for number in range(count))


def page(number: int, cursor: dict[str, Any] | None = None, size: int = 1) -> FetchedPage:
    return FetchedPage(records=[{"id": number}] * size, next_cursor=cursor, status_code=200)


def sent_at_once(fetch: Callable[[Binding, Any], FetchedPage]) -> Fetch:
    def sending(binding: Binding, cursor: Any, sent: Sent) -> FetchedPage:
        sent()
        return fetch(binding, cursor)

    return sending


def everything(stream: PageStream) -> list[Turn]:
    turns: list[Turn] = []
    while (batch := stream.next_batch(LIMIT)) is not None:
        assert batch, "nothing came within the limit"
        turns += batch
    return turns


def test_turns_come_in_the_order_of_the_requests_whatever_the_timing() -> None:
    later_first = [threading.Event() for _ in range(4)]

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        if binding.number < 3:
            later_first[binding.number + 1].wait(LIMIT)
        later_first[binding.number].set()
        return page(binding.number)

    stream = PageStream(sent_at_once(fetch), bindings(4), cursor=None, concurrency=4)
    assert [turn.binding.number for turn in everything(stream)] == [0, 1, 2, 3]


def test_every_page_of_a_request_comes_before_the_next_request() -> None:
    def fetch(binding: Binding, cursor: dict[str, Any] | None) -> FetchedPage:
        at = (cursor or {"page": 0})["page"]
        return page(binding.number, {"page": at + 1} if at < 2 else None)

    stream = PageStream(sent_at_once(fetch), bindings(5), cursor=None, concurrency=3)
    numbers = [turn.binding.number for turn in everything(stream)]
    assert numbers == [number for number in range(5) for _ in range(3)]


def test_the_first_request_goes_on_at_the_saved_cursor_and_no_other_does() -> None:
    seen: dict[int, Any] = {}

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        seen[binding.number] = cursor
        return page(binding.number)

    everything(PageStream(sent_at_once(fetch), bindings(3), cursor={"page": 7}, concurrency=2))
    assert seen == {0: {"page": 7}, 1: None, 2: None}


def test_never_more_requests_are_in_flight_than_allowed() -> None:
    gate = threading.Barrier(
        3, timeout=LIMIT
    )  # opens only when three fetch at once; a fourth would break the next round
    running, most, lock = 0, 0, threading.Lock()

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait()
        with lock:
            running -= 1
        return page(binding.number)

    everything(PageStream(sent_at_once(fetch), bindings(9), cursor=None, concurrency=3))
    assert most == 3


def test_a_batch_ends_at_an_error_and_the_stream_goes_on_behind_it() -> None:
    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        if binding.number == 1:
            raise RequestFailed("http_500", "no")
        return page(binding.number)

    stream = PageStream(sent_at_once(fetch), bindings(4), cursor=None, concurrency=1)
    batches: list[list[Turn]] = []
    while (batch := stream.next_batch(LIMIT)) is not None:
        batches.append(batch)
    assert [turn.error is not None for batch in batches for turn in batch] == [False, True, False, False]
    assert all(turn.error is None for batch in batches for turn in batch[:-1])


def test_a_rate_limit_ends_the_stream_behind_what_came_before_it() -> None:
    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        if binding.number == 2:
            raise RateLimited(120)
        return page(binding.number)

    stream = PageStream(sent_at_once(fetch), bindings(50), cursor=None, concurrency=1)
    turns: list[Turn] = []
    with pytest.raises(RateLimited):
        while (batch := stream.next_batch(LIMIT)) is not None:
            turns += batch
    assert [turn.binding.number for turn in turns] == [0, 1]


def test_a_fault_of_ours_in_a_thread_reaches_the_caller() -> None:
    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        everything(PageStream(sent_at_once(fetch), bindings(1), cursor=None, concurrency=1))


@pytest.mark.parametrize(("size", "ahead"), [(BATCH_RECORDS, AHEAD), (1, BATCH_RECORDS)])
def test_the_request_in_front_is_only_a_few_pages_ahead_of_the_writer(size: int, ahead: int) -> None:
    fetched, full = 0, threading.Event()

    def fetch(binding: Binding, cursor: dict[str, Any] | None) -> FetchedPage:
        nonlocal fetched
        fetched += 1
        if fetched > ahead:
            full.set()
        return page(0, {"page": fetched}, size)

    stream = PageStream(sent_at_once(fetch), bindings(1), cursor=None, concurrency=1)
    stream.next_batch(LIMIT)
    full.wait(LIMIT)
    stream.close(LIMIT)
    assert fetched <= 2 * ahead + 1


def test_small_pages_are_joined_to_batches() -> None:
    def fetch(binding: Binding, cursor: dict[str, Any] | None) -> FetchedPage:
        at = (cursor or {"page": 0})["page"]
        return page(0, {"page": at + 1} if at < 59 else None, size=100)

    stream = PageStream(sent_at_once(fetch), bindings(1), cursor=None, concurrency=1, linger=LIMIT)
    sizes = []
    while (batch := stream.next_batch(LIMIT)) is not None:
        sizes.append(sum(turn.record_count for turn in batch))
    assert sum(sizes) == 6_000
    assert sizes[1:-1] == [BATCH_RECORDS] * (len(sizes) - 2)


def test_a_page_does_not_wait_long_for_others_to_go_with_it() -> None:
    release = threading.Event()

    def fetch(binding: Binding, cursor: dict[str, Any] | None) -> FetchedPage:
        at = (cursor or {"page": 1})["page"]
        if at == 3:
            release.wait(LIMIT)
        return page(0, {"page": at + 1} if at < 3 else None)

    stream = PageStream(sent_at_once(fetch), bindings(1), cursor=None, concurrency=1, linger=0.1)
    cursors: list[Any] = []
    while {"page": 3} not in cursors:
        cursors += [turn.next_cursor for turn in stream.next_batch(LIMIT) or []]
    assert cursors == [{"page": 2}, {"page": 3}]
    release.set()
    assert len(everything(stream)) == 1


def test_pages_are_prepared_in_the_threads_that_fetch_them() -> None:
    threads: list[str] = []

    def prepare(page: FetchedPage) -> list[Form]:
        threads.append(threading.current_thread().name)
        return [StorableRecord(str(record["id"]), b"{}", b"") for record in page.records]

    stream = PageStream(
        sent_at_once(lambda binding, cursor: page(binding.number)),
        bindings(3),
        cursor=None,
        concurrency=2,
        prepare=prepare,
    )
    turns = everything(stream)
    assert [[form.record_id for form in turn.forms] for turn in turns] == [["0"], ["1"], ["2"]]
    assert threading.current_thread().name not in threads


def test_a_page_that_can_not_be_prepared_is_not_passed_over() -> None:
    def prepare(page: FetchedPage) -> list[Form]:
        if page.records[0]["id"] == 1:
            raise ZeroDivisionError
        return []

    stream = PageStream(
        sent_at_once(lambda binding, cursor: page(binding.number)),
        bindings(3),
        cursor=None,
        concurrency=1,
        prepare=prepare,
    )
    turns: list[Turn] = []
    with pytest.raises(ZeroDivisionError):
        while (batch := stream.next_batch(LIMIT)) is not None:
            turns += batch
    assert [turn.binding.number for turn in turns] == [0]


def test_no_request_starts_after_closing() -> None:
    started = threading.Event()
    release = threading.Event()
    calls: list[int] = []

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        calls.append(binding.number)
        started.set()
        release.wait(LIMIT)
        return page(binding.number)

    stream = PageStream(sent_at_once(fetch), bindings(9), cursor=None, concurrency=1)
    assert stream.next_batch(0) == []
    started.wait(LIMIT)
    threading.Timer(0.05, release.set).start()
    stream.close(LIMIT)
    turns = []
    while batch := stream.next_batch(0):
        turns += batch
    assert (calls, [turn.binding.number for turn in turns]) == ([0], [0])


def test_without_requests_it_is_over_at_once() -> None:
    stream = PageStream(sent_at_once(lambda binding, cursor: page(0)), bindings(0), cursor=None, concurrency=4)
    assert stream.next_batch(LIMIT) is None


def test_a_slow_request_in_front_keeps_no_other_waiting() -> None:
    others, release, lock = set(range(1, BUFFERED // 2)), threading.Event(), threading.Lock()

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        if binding.number == 0:
            assert release.wait(LIMIT)
            return page(0)
        with lock:
            others.discard(binding.number)
            if not others:
                release.set()
        return page(binding.number)

    stream = PageStream(sent_at_once(fetch), bindings(BUFFERED // 2), cursor=None, concurrency=4)
    assert [turn.binding.number for turn in everything(stream)] == list(range(BUFFERED // 2))


def test_behind_a_slow_request_only_so_much_is_kept() -> None:
    release, fetched = threading.Event(), []

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        if binding.number == 0:
            release.wait(LIMIT)
        fetched.append(binding.number)
        return page(binding.number, size=100)

    stream = PageStream(sent_at_once(fetch), bindings(5_000), cursor=None, concurrency=4)
    wait_until(lambda: stream.next_batch(0.5) or len(fetched) >= BUFFERED // 101, LIMIT, "a full buffer")
    assert stream.next_batch(0.2) == []
    assert len(fetched) <= BUFFERED // 101 + 4
    release.set()
    stream.close(LIMIT)


def test_done_requests_without_records_are_bounded_too() -> None:
    release, fetched = threading.Event(), []

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        if binding.number == 0:
            release.wait(LIMIT)
        fetched.append(binding.number)
        return page(binding.number, size=0)

    stream = PageStream(sent_at_once(fetch), bindings(BUFFERED * 2), cursor=None, concurrency=4)
    wait_until(lambda: stream.next_batch(0.5) or len(fetched) >= BUFFERED, LIMIT, "a full buffer")
    assert stream.next_batch(0.2) == []
    assert len(fetched) <= BUFFERED + 4
    release.set()
    assert [turn.binding.number for turn in everything(stream)] == list(range(BUFFERED * 2))


def test_a_narrower_gate_lets_fewer_pass_and_a_wider_one_more() -> None:
    gate, running, most, lock = Gate(6), 0, 0, threading.Lock()
    arrived, release = threading.Semaphore(0), threading.Semaphore(0)

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        arrived.release()
        assert release.acquire(timeout=LIMIT)
        with lock:
            running -= 1
        return page(binding.number)

    def arrivals(count: int) -> None:
        for _ in range(count):
            assert arrived.acquire(timeout=LIMIT)

    stream = PageStream(sent_at_once(fetch), bindings(40), cursor=None, concurrency=6, gate=gate)
    stream.next_batch(0)
    arrivals(6)
    assert gate.set(2, float("inf")) == 6
    release.release(4)
    wait_until(lambda: gate.in_flight == 2, LIMIT, "four to come back")
    most = 0
    release.release(10)
    turns = [turn for _ in range(10) for turn in stream.next_batch(0.01) or []]
    arrivals(10)
    assert most <= 2
    gate.set(6, float("inf"))
    arrivals(4)
    release.release(40)
    assert len(turns + everything(stream)) == 40


def test_a_shut_gate_lets_nobody_pass() -> None:
    now = 0.0
    gate = Gate(4, until=10.0, clock=lambda: now)
    assert gate.is_open
    now = 10.0
    assert not gate.is_open
    gate.set(4, 20.0)
    assert gate.is_open


def test_the_gate_is_told_how_many_requests_there_are() -> None:
    gate, release = Gate(8), threading.Event()

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        release.wait(LIMIT)
        return page(binding.number)

    stream = PageStream(sent_at_once(fetch), bindings(3), cursor=None, concurrency=8, gate=gate)
    stream.next_batch(0)
    assert gate.wanted == 3
    release.set()
    everything(stream)
    assert gate.wanted == 0


def test_an_error_that_waits_for_its_turn_holds_nothing_of_its_page() -> None:
    class Body:
        """Of megabytes, as it were."""

    bodies: list[weakref.ref[Body]] = []

    def fetch(binding: Binding, cursor: Any) -> FetchedPage:
        body = Body()
        bodies.append(weakref.ref(body))
        try:
            raise ValueError(body)
        except ValueError as error:
            raise RequestFailed("broken_body", "It is broken.") from error

    turns = everything(PageStream(sent_at_once(fetch), bindings(3), cursor=None, concurrency=1))
    assert [turn.error and turn.error.code for turn in turns] == ["broken_body"] * 3
    assert [body() for body in bodies] == [None] * 3
