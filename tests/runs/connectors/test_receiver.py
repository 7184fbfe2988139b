"""Sending to a receiver that is slow, hostile, or not where it may be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from werkzeug import Response

from runs.connectors import (
    ALL_PRIVATE_HOSTS,
    NO_PRIVATE_HOSTS,
    AddressRefused,
    Answer,
    PrivateHosts,
    ReceiverClient,
    check_target,
)
from tests.receiver import receiving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"


def answer_of(url: str, seconds: float = 5, *, private: PrivateHosts = ALL_PRIVATE_HOSTS) -> Answer:
    client = ReceiverClient(private=private, seconds=seconds)
    try:
        return client.post(url, b"{}", {})
    finally:
        client.close()


@contextmanager
def speaking(speak: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that reads a request and then says what it likes, until the test is over."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                speak(connection, over)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


def test_a_2xx_is_an_acknowledgement() -> None:
    with receiving() as receiver:
        receiver.answer = lambda received: 204
        answer = answer_of(receiver.url)
    assert (answer.accepted, answer.status_code, answer.error) == (True, 204, "")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(status: int) -> None:
    with receiving() as receiver, receiving() as elsewhere:
        receiver.answer = lambda received: Response("", status, {"Location": elsewhere.url})
        answer = answer_of(receiver.url)
        assert elsewhere.arrived == []
    assert (answer.accepted, "not followed" in answer.error) == (False, True)


def test_how_long_the_receiver_wants_us_to_wait_is_told() -> None:
    with receiving() as receiver:
        receiver.answer = lambda received: Response("busy", 429, {"Retry-After": "7"})
        answer = answer_of(receiver.url)
    assert (answer.retry_after, answer.text) == (7, "busy")


def test_a_receiver_that_says_nothing_is_left_at_the_deadline() -> None:
    with speaking(lambda connection, over: over.wait(10) and None) as url:
        answer = answer_of(url, seconds=0.3)
    assert (answer.status_code, "took too long" in answer.error) == (None, True)
    assert answer.seconds < 3


def test_a_head_that_drips_is_left_at_the_deadline() -> None:
    def drip(connection: socket.socket, over: threading.Event) -> None:
        while not over.wait(0.05):
            connection.send(b"H")

    with speaking(drip) as url:
        answer = answer_of(url, seconds=0.3)
    assert (answer.accepted, answer.seconds < 3) == (False, True)


def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.send(HEAD + b"x" * 10_000)
        over.wait(10)

    with speaking(flood) as url:
        answer = answer_of(url)
    assert (answer.accepted, len(answer.text), answer.seconds < 3) == (True, 4096, True)


def test_a_connection_that_is_cut_before_the_status_is_no_acknowledgement() -> None:
    with speaking(lambda connection, over: None) as url:
        answer = answer_of(url)
    assert (answer.status_code, "The connection failed" in answer.error) == (None, True)


def test_nobody_listening_is_a_failure_in_words() -> None:
    with receiving() as receiver:
        url = receiver.url
    assert "The connection failed" in answer_of(url).error


def test_a_private_address_is_refused_at_each_sending() -> None:
    with receiving() as receiver:
        answer = answer_of(receiver.url, private=NO_PRIVATE_HOSTS)
        assert receiver.arrived == []
    assert (answer.status_code, "https" in answer.error) == (None, True)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "10.0.0.1", "[fe80::1]", "hook.localhost", "[64:ff9b::1]"])
def test_a_private_address_is_seen_in_every_spelling_without_a_lookup(host: str) -> None:
    with pytest.raises(AddressRefused):
        check_target(f"https://{host}/", NO_PRIVATE_HOSTS)
    check_target("https://example.com/", NO_PRIVATE_HOSTS)
