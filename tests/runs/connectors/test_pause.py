"""A source that wants to be left alone is left alone by every thread and run of the account."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from runs.connectors import Bounds, Pause, RateLimited, RequestValues
from tests.processes import wait_until
from tests.runs.connectors.sources import StillTime, client, fetch, spec


def a_page(request: Request) -> Response:
    return Response('{"data": []}', content_type="application/json")


def test_a_pause_only_grows_longer() -> None:
    time = StillTime()
    pause = Pause(time.clock)
    pause.extend(10)
    pause.extend(3)
    time.wait(4)

    assert pause.left() == 6
    time.wait(7)
    assert pause.left() == 0


def test_nothing_is_sent_while_it_lasts(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/things").respond_with_handler(a_page)
    time = StillTime()
    pause = Pause(time.clock)
    pause.extend(12)
    fetch(spec(httpserver.url_for("")), time, pause=pause)

    assert time.waits == [12]


def test_a_pause_that_is_too_long_for_a_request_is_the_runs(httpserver: HTTPServer) -> None:
    time = StillTime()
    pause = Pause(time.clock)
    pause.extend(31)
    with pytest.raises(RateLimited) as caught:
        fetch(spec(httpserver.url_for("")), time, pause=pause)

    assert (caught.value.seconds, time.waits, httpserver.log) == (31, [], [])


def test_what_is_too_long_is_for_the_caller_to_say(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/things").respond_with_data("", status=429, headers={"Retry-After": "3"})
    with pytest.raises(RateLimited):
        fetch(spec(httpserver.url_for("")), bounds=Bounds(longest_wait=2))


def test_one_thread_is_told_and_all_hold_back(httpserver: HTTPServer) -> None:
    told = threading.Event()

    def limit_once(request: Request) -> Response:
        if told.is_set():
            return a_page(request)
        told.set()
        return Response("", 429, {"Retry-After": "20"})

    httpserver.expect_request("/things").respond_with_handler(limit_once)
    waiting = threading.Barrier(4, timeout=10)
    time = StillTime()

    def wait(seconds: float) -> None:
        """All four wait before time goes on."""
        waiting.wait()
        time.seconds = 20

    of = spec(httpserver.url_for(""))
    pause = Pause(time.clock)
    with client(of, time, wait=wait, pause=pause) as api, ThreadPoolExecutor(4) as threads:
        method = of.method("things", "list")
        first = threads.submit(api.fetch, method, RequestValues(), None)
        wait_until(pause.left, 10, "a pause")
        others = [threads.submit(api.fetch, method, RequestValues(), None) for _ in range(3)]
        assert [future.result(10).records for future in (first, *others)] == [[], [], [], []]

    assert len(httpserver.log) == 5


def test_a_long_wait_that_one_thread_is_told_ends_the_others_without_asking(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/things").respond_with_data("", status=429, headers={"Retry-After": "120"})
    of = spec(httpserver.url_for(""))
    with client(of) as api:
        for _ in range(2):
            with pytest.raises(RateLimited):
                api.fetch(of.method("things", "list"), RequestValues(), None)

    assert len(httpserver.log) == 1
