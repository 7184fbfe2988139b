"""The client against sources on real sockets: good ones, slow ones, broken ones and hostile ones."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from runs.connectors import (
    ALL_PRIVATE_HOSTS,
    ApiClient,
    AuthenticationFailed,
    RateLimited,
    RequestFailed,
    RequestValues,
)
from tests.runs.connectors.paging import all_pages
from tests.runs.connectors.sources import (
    NOON,
    TOKEN,
    RawSource,
    StillTime,
    client,
    fetch,
    list_spec,
    response,
    spec,
)

EMPTY = json.dumps({"data": []}).encode()
PAGES = {"format": "page", "config": {"page_key": "page", "limit_key": "n", "limit": 2}}
CURSORS = {"format": "cursor", "config": {"cursor_key": "after", "cursor_path": "next"}}


@pytest.fixture
def source(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    yield httpserver
    httpserver.check_assertions()


def test_a_missing_credential_is_named() -> None:
    time = StillTime()
    api = ApiClient(spec(), {}, wait=time.wait, now=time.now, private=ALL_PRIVATE_HOSTS)
    with api, pytest.raises(AuthenticationFailed) as caught:
        api.fetch(spec().method("things", "list"), RequestValues(), None)

    assert "{{context.token}}" in caught.value.message


def answers(source: HTTPServer, *responses: Response) -> None:
    """The source gives these responses in this order."""
    for each in responses:
        source.expect_ordered_request("/things").respond_with_response(each)


def page(*records: Any, **more: Any) -> Response:
    return Response(json.dumps({"data": list(records), **more}), content_type="application/json")


def failure(of: Any, time: StillTime | None = None, **over: Any) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        fetch(of, time, **over)
    return caught.value


class TestPages:
    def test_a_list_is_fetched_page_by_page(self, source: HTTPServer) -> None:
        answers(source, page(1, 2), page(3, 4), page(5))

        assert all_pages(list_spec(source.url_for(""), PAGES)) == [1, 2, 3, 4, 5]
        assert [request.args["page"] for request, _ in source.log] == ["1", "2", "3"]

    def test_a_cursor_resumes_on_another_machine(self, source: HTTPServer) -> None:
        answers(source, page(1, next="a"), page(2, next="b"), page(3, next=None))

        assert all_pages(list_spec(source.url_for(""), CURSORS), query={"q": "x"}) == [1, 2, 3]
        assert [dict(request.args) for request, _ in source.log] == [
            {"q": "x"},
            {"q": "x", "after": "a"},
            {"q": "x", "after": "b"},
        ]

    def test_links_are_followed_with_the_credentials(self, source: HTTPServer) -> None:
        second = page(2)
        first = page(1)
        first.headers["Link"] = '</things?page=2&odd=%2F>; rel="next"'
        answers(source, first, second)

        assert all_pages(list_spec(source.url_for(""), {"format": "link_header"})) == [1, 2]
        request, _ = source.log[1]
        assert request.query_string == b"page=2&odd=%2F"
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"

    def test_one_record_is_fetched_by_its_id(self, source: HTTPServer) -> None:
        source.expect_request("/things/a b").respond_with_json({"id": "a b"})
        fetched = fetch(spec(source.url_for("")), method="get", request=RequestValues(id="a b"))

        assert fetched.records == [{"id": "a b"}]
        assert fetched.next_cursor is None

    def test_a_record_is_created(self, source: HTTPServer) -> None:
        source.expect_request("/things", method="POST", json={"name": "x"}).respond_with_json({"id": 1}, status=201)
        fetched = fetch(spec(source.url_for("")), method="create", request=RequestValues(body={"name": "x"}))

        assert (fetched.records, fetched.status_code) == ([{"id": 1}], 201)

    def test_a_deletion_may_answer_nothing(self, source: HTTPServer) -> None:
        source.expect_request("/things/1", method="DELETE").respond_with_data(b"", status=204)
        fetched = fetch(spec(source.url_for("")), method="delete", request=RequestValues(id="1"))

        assert (fetched.records, fetched.status_code) == ([], 204)

    def test_many_threads_fetch_through_one_client(self, source: HTTPServer) -> None:
        source.expect_request("/things").respond_with_handler(lambda request: page(request.args["n"]))
        of = spec(source.url_for(""))
        with client(of) as api, ThreadPoolExecutor(8) as threads:
            method = of.method("things", "list")
            pages = threads.map(lambda n: api.fetch(method, RequestValues(query={"n": n}), None), range(40))
            assert [fetched.records for fetched in pages] == [[str(n)] for n in range(40)]

    @pytest.mark.parametrize("method", ["list", "create"])
    def test_it_tells_that_a_request_is_on_its_way_before_the_answer_comes(
        self, source: HTTPServer, method: str
    ) -> None:
        sent = threading.Event()
        source.expect_request("/things").respond_with_handler(lambda request: page(sent.wait(10)))
        of = spec(source.url_for(""))
        with client(of) as api:
            request = RequestValues(body={"a": 1})
            fetched = api.fetch(of.method("things", method), request, None, on_sent=sent.set)

        assert fetched.records in ([True], [{"data": [True]}])
        assert source.log[0][0].get_data() == (b'{"a": 1}' if method == "create" else b"")

    def test_lists_whose_values_only_equal_one_another_are_asked_for_apart(self, source: HTTPServer) -> None:
        source.expect_request("/things").respond_with_handler(lambda request: page(request.args["n"]))
        of = spec(source.url_for(""))
        with client(of) as api:
            method = of.method("things", "list")
            pages = [api.fetch(method, RequestValues(query={"n": n}), None) for n in (1, True, 1.0)]

        assert [fetched.records for fetched in pages] == [["1"], ["true"], ["1"]]

    def test_a_connection_that_the_source_has_closed_is_replaced(self) -> None:
        good = response(b'{"data": [1]}')
        with RawSource(good, good) as source:
            of = spec(source.url)
            with client(of) as api:
                pages = [api.fetch(of.method("things", "list"), RequestValues(), None) for _ in range(2)]
            assert [fetched.records for fetched in pages] == [[1], [1]]

    def test_a_cookie_is_not_carried_to_the_next_request(self, source: HTTPServer) -> None:
        first = page(1, 2)
        first.set_cookie("session", "x")
        answers(source, first, page())
        of = list_spec(source.url_for(""), PAGES)
        with client(of) as api:
            fetched = api.fetch(of.method("things", "list"), RequestValues(), None)
            api.fetch(of.method("things", "list"), RequestValues(), fetched.next_cursor)

        assert "Cookie" not in source.log[1][0].headers


class TestEndlessLists:
    def test_the_pages_before_a_repeated_cursor_are_kept(self, source: HTTPServer) -> None:
        answers(source, page(1, next="A"), page(2, next="A"))
        of = list_spec(source.url_for(""), CURSORS)
        with client(of) as api:
            method = of.method("things", "list")
            first = api.fetch(method, RequestValues(), None)
            second = api.fetch(method, RequestValues(), first.next_cursor)
            with pytest.raises(RequestFailed) as caught:
                api.fetch(method, RequestValues(), second.next_cursor)

        assert caught.value.code == "cursor_repeated"
        assert len(source.log) == 2

    @pytest.mark.parametrize("odd", [["a"], "a\0b", "\ud800", "x" * 100_000, True, {"b": 1}])
    def test_a_page_is_kept_whose_cursor_can_not_be_used(self, source: HTTPServer, odd: Any) -> None:
        answers(source, page(1, next=odd))
        of = list_spec(source.url_for(""), CURSORS)
        with client(of) as api:
            first = api.fetch(of.method("things", "list"), RequestValues(), None)
            with pytest.raises(RequestFailed) as caught:
                api.fetch(of.method("things", "list"), RequestValues(), json.loads(json.dumps(first.next_cursor)))

        assert first.records == [1]
        assert caught.value.code in ("wrong_shape", "bad_cursor")
        assert len(source.log) == 1

    def test_what_is_saved_of_a_fault_holds_no_credential(self, source: HTTPServer) -> None:
        answers(source, page(1))
        failing = {"format": "dynamic", "config": {"next_expression": f"$error('{TOKEN}')"}}
        fetched = fetch(list_spec(source.url_for(""), failing))

        assert fetched.next_cursor is not None and TOKEN not in json.dumps(fetched.next_cursor)

    def test_empty_pages_with_a_next_one_end(self, source: HTTPServer) -> None:
        numbers = iter(range(100))
        source.expect_request("/things").respond_with_handler(lambda request: page(next=next(numbers) + 1))

        with pytest.raises(RequestFailed) as caught:
            all_pages(list_spec(source.url_for(""), CURSORS))
        assert caught.value.code == "empty_pages"
        assert len(source.log) == 3

    def test_a_source_that_ignores_the_page_number_is_noticed(self, source: HTTPServer) -> None:
        source.expect_request("/things").respond_with_handler(lambda request: page(1, 2))

        with pytest.raises(RequestFailed) as caught:
            all_pages(list_spec(source.url_for(""), PAGES))
        assert caught.value.code == "page_repeated"
        assert len(source.log) == 2

    def test_a_next_link_to_another_host_is_refused_before_it_is_asked(self, source: HTTPServer) -> None:
        with RawSource(response(EMPTY)) as elsewhere:
            answers(source, page(1, next=f"{elsewhere.url}/things"))
            links = {"format": "cursor", "config": {"cursor_path": "next", "is_link": True}}
            with pytest.raises(RequestFailed) as caught:
                all_pages(list_spec(source.url_for(""), links))

            assert caught.value.code == "foreign_origin"
            assert elsewhere.requests == []


class TestFailures:
    def test_a_source_that_flaps_is_tried_again(self, source: HTTPServer) -> None:
        time = StillTime()
        answers(source, Response(status=500), Response(status=502), Response(status=503), page(1))

        assert fetch(spec(source.url_for("")), time).records == [1]
        assert len(time.waits) == 3

    def test_after_four_tries_the_last_status_is_told(self, source: HTTPServer) -> None:
        answers(source, *[Response(status=500)] * 3, Response("down", status=502))
        error = failure(spec(source.url_for("")))

        assert (error.code, error.status_code, error.excerpt) == ("http_502", 502, "down")
        assert not error.permanent

    @pytest.mark.parametrize("status", [400, 403, 404, 408, 410, 418, 422])
    def test_what_would_fail_again_is_asked_once(self, source: HTTPServer, status: int) -> None:
        answers(source, Response("no", status=status))
        error = failure(spec(source.url_for("")))

        assert (error.code, error.permanent) == (f"http_{status}", True)
        assert error.url == source.url_for("/things")
        assert len(source.log) == 1

    def test_a_401_is_an_authentication_error(self, source: HTTPServer) -> None:
        answers(source, Response(status=401))

        assert isinstance(failure(spec(source.url_for(""))), AuthenticationFailed)
        assert len(source.log) == 1

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_creation_is_never_sent_twice(self, source: HTTPServer, status: int) -> None:
        source.expect_request("/things", method="POST").respond_with_data("", status=status)

        assert failure(spec(source.url_for("")), method="create").status_code == status
        assert len(source.log) == 1

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
            b"nonsense\r\n\r\n",
            response(b'{"data": [1, 2'),
            response(b"no gzip", "Content-Encoding: gzip"),
            response(gzip.compress(EMPTY)[:-12], "Content-Encoding: gzip"),
        ],
    )
    @pytest.mark.parametrize("reset", [False, True])
    def test_a_page_that_breaks_off_is_fetched_again(self, broken: bytes, reset: bool) -> None:
        good = response(b'{"data": [1]}')
        with RawSource(broken, broken, good, reset=reset) as source:
            assert fetch(spec(source.url)).records == [1]
            assert len(source.requests) == 3

    def test_nobody_listening_is_a_failed_connection(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        error = failure(spec(f"http://127.0.0.1:{port}"))

        assert (error.code, error.permanent, error.status_code) == ("connection_failed", False, None)

    @pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n["])
    def test_a_source_that_drips_is_cut_off(self, start: bytes) -> None:
        time = StillTime()

        def drip(connection: socket.socket) -> None:
            connection.sendall(start)
            time.seconds += 61
            connection.sendall(b"X")

        with RawSource(drip) as source:
            error = failure(spec(source.url), time)

        assert error.code == "timeout"

    def test_what_wait_raises_passes_through(self, source: HTTPServer) -> None:
        class Stopped(Exception):
            pass

        def stop(seconds: float) -> None:
            raise Stopped

        answers(source, Response(status=500))
        with pytest.raises(Stopped):
            fetch(spec(source.url_for("")), wait=stop)


class TestRateLimits:
    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("told", "waited"),
        [
            ("7", 7),
            ("0", 1),
            (format_datetime(NOON + timedelta(seconds=9), usegmt=True), 9),
            (format_datetime(NOON - timedelta(days=1), usegmt=True), 1),
        ],
    )
    def test_the_wait_is_what_the_source_says(self, status: int, told: str, waited: float) -> None:
        time = StillTime()
        noted: list[float] = []
        limit = response(b"", f"Retry-After: {told}", status=f"{status} Limited")
        with RawSource(limit, response(b'{"data": [1]}')) as source:
            assert fetch(spec(source.url), time, on_retry_wait=noted.append).records == [1]

        assert time.waits == noted == [waited]

    @pytest.mark.parametrize(("told", "seconds"), [("31", 31), ("1000000000", 3600), ("864000", 3600)])
    def test_a_long_wait_is_handed_to_the_run(self, source: HTTPServer, told: str, seconds: float) -> None:
        time = StillTime()
        answers(source, Response(status=429, headers={"Retry-After": told}))
        with pytest.raises(RateLimited) as caught:
            fetch(spec(source.url_for("")), time)

        assert caught.value.seconds == seconds
        assert time.waits == []

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "-5"}, {"Retry-After": "abc"}, {"Retry-After": "1e9"}])
    def test_without_a_usable_word_the_wait_is_ours(self, source: HTTPServer, headers: dict[str, str]) -> None:
        time = StillTime()
        answers(source, Response(status=429, headers=headers), page(1))

        assert fetch(spec(source.url_for("")), time).records == [1]
        assert len(time.waits) == 1 and 1 <= time.waits[0] <= 30

    def test_a_503_without_a_word_is_a_failure_like_others(self, source: HTTPServer) -> None:
        answers(source, *[Response(status=503)] * 4)

        assert failure(spec(source.url_for(""))).code == "http_503"

    def test_a_limit_does_not_use_up_the_tries(self, source: HTTPServer) -> None:
        limit = Response(status=429, headers={"Retry-After": "1"})
        answers(source, *[limit] * 6, page(1))

        assert fetch(spec(source.url_for(""))).records == [1]

    def test_a_creation_that_was_refused_for_the_rate_is_sent_again(self, source: HTTPServer) -> None:
        source.expect_ordered_request("/things").respond_with_data("", status=429, headers={"Retry-After": "1"})
        source.expect_ordered_request("/things").respond_with_json({"id": 1})

        assert fetch(spec(source.url_for("")), method="create").records == [{"id": 1}]


class TestBodies:
    @pytest.mark.parametrize("body", [b"<html>sorry</html>", b"", b"null", b'"text"', b"[]", b'{"error": "no"}'])
    def test_a_wrong_shape_is_an_error_with_an_excerpt(self, source: HTTPServer, body: bytes) -> None:
        answers(source, Response(body, content_type="text/html"))
        error = failure(spec(source.url_for("")))

        assert (error.code, error.status_code, error.excerpt) == ("wrong_shape", 200, body.decode())
        assert len(source.log) == 1

    def test_a_204_is_no_empty_list(self, source: HTTPServer) -> None:
        answers(source, Response(status=204))

        assert failure(spec(source.url_for(""))).code == "wrong_shape"

    def test_a_page_may_be_compressed(self, source: HTTPServer) -> None:
        answers(source, Response(gzip.compress(b'{"data": [1]}'), headers={"Content-Encoding": "gzip"}))

        assert fetch(spec(source.url_for(""))).records == [1]

    def test_a_page_that_says_it_is_too_large_is_not_read(self) -> None:
        with RawSource(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n") as source:
            assert failure(spec(source.url)).code == "too_large"

    def test_a_gzip_bomb_is_cut(self) -> None:
        bomb = gzip.compress(b" " * 40_000_000)
        with RawSource(response(bomb, "Content-Encoding: gzip")) as source:
            assert failure(spec(source.url)).code == "too_large"

    def test_the_excerpt_is_short_and_free_of_credentials(self, source: HTTPServer) -> None:
        echo = f'{{"sent": "Bearer {TOKEN}", "plain": "{TOKEN}", "secret": "hush"}}' + "x" * 2000
        answers(source, Response(echo, status=400))
        error = failure(spec(source.url_for("")), request=RequestValues(query={"api_key": "k", "echo": TOKEN}))

        assert len(error.excerpt) == 500
        assert TOKEN not in error.excerpt and "hush" not in error.excerpt
        assert error.url == source.url_for("/things?api_key=***&echo=***")

    def test_a_literal_credential_of_the_integration_is_masked_too(self, source: HTTPServer) -> None:
        answers(source, Response("you sent literal-key", status=400))
        header = {"format": "header", "config": {"header_name": "X-Id", "header_value": "literal-key"}}

        assert failure(spec(source.url_for(""), authorization=header)).excerpt == "you sent ***"


class TestRedirects:
    def test_within_the_origin_they_are_followed(self, source: HTTPServer) -> None:
        source.expect_request("/things").respond_with_data("", status=302, headers={"Location": "/moved?a=1"})
        source.expect_request("/moved").respond_with_data(b'{"data": [1]}')

        assert fetch(spec(source.url_for(""))).records == [1]
        assert source.log[1][0].headers["Authorization"] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_to_another_origin_they_are_not(self, source: HTTPServer, status: int) -> None:
        with RawSource(response(EMPTY)) as elsewhere:
            answers(source, Response(status=status, headers={"Location": f"{elsewhere.url}/things"}))

            assert failure(spec(source.url_for(""))).code == "foreign_origin"
            assert elsewhere.requests == []

    def test_a_ring_of_redirects_ends(self, source: HTTPServer) -> None:
        source.expect_request("/things").respond_with_data("", status=302, headers={"Location": "/things"})

        assert failure(spec(source.url_for(""))).code == "too_many_redirects"
        assert len(source.log) == 6

    def test_a_write_is_not_redirected(self, source: HTTPServer) -> None:
        source.expect_request("/things").respond_with_data("", status=307, headers={"Location": "/moved"})

        assert failure(spec(source.url_for("")), method="create").code == "redirected"

    def test_a_redirect_without_a_target_is_an_error(self, source: HTTPServer) -> None:
        answers(source, Response(status=304))

        assert failure(spec(source.url_for(""))).code == "http_304"


def test_an_account_without_its_credential_sends_nothing(source: HTTPServer) -> None:
    of = spec(source.url_for(""), authorization={"format": "bearer", "config": {"token": "{{context.other}}"}})

    assert isinstance(failure(of), AuthenticationFailed)
    assert source.log == []


def test_no_log_line_holds_a_credential(source: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    answers(source, page(1))
    with caplog.at_level(logging.DEBUG):
        fetch(spec(source.url_for(""), query={"sent": "{{context.token}}"}))

    assert source.log[0][0].args["sent"] == TOKEN
    assert TOKEN not in "".join(record.getMessage() for record in caplog.records if record.name != "werkzeug")


def test_the_environment_can_not_put_a_proxy_in_between(source: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    source.expect_request("/things").respond_with_response(page(1))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert fetch(spec(source.url_for(""))).records == [1]
