"""A courier's threads: gone on with while there is something to send, and left behind by none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from runs.senders import Senders
from tests.processes import wait_until

LIMIT = 10.0  # seconds


class Work:
    """Things to send, each of which tells its thread and, if it is held, waits to be let go."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._told: SimpleQueue[threading.Thread] = SimpleQueue()
        self._go_on = threading.Event()

    def start(self, *, held: bool = False) -> threading.Thread:
        """The thread that does it."""

        def send() -> None:
            self._told.put(threading.current_thread())
            if held:
                self._go_on.wait(LIMIT)

        self._senders.start(send)
        return self._told.get(timeout=LIMIT)

    def release(self) -> None:
        self._go_on.set()

    def await_idle(self, count: int) -> None:
        wait_until(lambda: self._senders._idle == count, LIMIT, f"{count} idle threads")


@pytest.fixture
def senders() -> Senders:
    return Senders()


@pytest.fixture
def work(senders: Senders) -> Iterator[Work]:
    found = Work(senders)
    yield found
    found.release()
    senders.end()


def test_what_comes_next_is_sent_by_the_same_thread(work: Work) -> None:
    first = work.start()
    work.await_idle(1)
    assert work.start() is first


def test_what_comes_meanwhile_has_a_thread_of_its_own(work: Work) -> None:
    held = work.start(held=True)
    other = work.start()
    assert other is not held
    work.await_idle(1)
    assert work.start() is other


def test_threads_with_nothing_to_send_end_after_a_while() -> None:
    work = Work(Senders(patience=0.01))
    first = work.start()
    first.join(LIMIT)
    assert not first.is_alive()
    assert work.start() is not first


def test_an_end_ends_them_and_waits_for_none(senders: Senders, work: Work) -> None:
    held, idle = work.start(held=True), work.start()
    work.await_idle(1)
    senders.end()
    idle.join(LIMIT)
    assert (idle.is_alive(), held.is_alive()) == (False, True)
    work.release()
    held.join(LIMIT)
    assert not held.is_alive()


def test_what_comes_after_the_end_is_sent_and_its_thread_ends(senders: Senders, work: Work) -> None:
    senders.end()
    thread = work.start()
    thread.join(LIMIT)
    assert not thread.is_alive()
