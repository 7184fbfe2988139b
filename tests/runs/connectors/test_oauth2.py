"""Access tokens: asked for once, kept, renewed when they are worn out or refused, and told to nobody."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from runs.connectors import (
    ALL_PRIVATE_HOSTS,
    NO_PRIVATE_HOSTS,
    ApiClient,
    AuthenticationFailed,
    FetchedPage,
    RateLimited,
    RequestFailed,
    RequestValues,
)
from runs.connectors.tokens import Token
from tests.runs.connectors.sources import StillTime, spec
from tests.runs.connectors.token_endpoint import (
    CLIENT_SECRET,
    REFRESH_TOKEN,
    KeptInMemory,
    TokenSource,
    authorization,
    context,
    refreshing,
    serving_tokens,
)

Fetch = Callable[..., FetchedPage]


@pytest.fixture
def source(httpserver: HTTPServer) -> Iterator[TokenSource]:
    with serving_tokens(httpserver) as found:
        yield found


@pytest.fixture
def store() -> KeptInMemory:
    return KeptInMemory()


def client(
    login: dict[str, Any], store: KeptInMemory, url: str, time: StillTime | None = None, **over: Any
) -> ApiClient:
    time = time or StillTime()
    values = {"wait": time.wait, "private": ALL_PRIVATE_HOSTS, "clock": time.clock, "now": time.now, **over}
    of = values.pop("context", None) or context()
    return ApiClient(spec(url, authorization=login), of, token_store=store, **values)


def fetch(login: dict[str, Any], store: KeptInMemory, source: TokenSource, *args: Any, **over: Any) -> FetchedPage:
    with client(login, store, source.url, *args, **over) as api:
        return api.fetch(spec(source.url).method("things", "list"), RequestValues(), None)


def failure(*args: Any, **over: Any) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        fetch(*args, **over)
    return caught.value


def test_by_client_credentials(source: TokenSource, store: KeptInMemory) -> None:
    fetch(authorization(source.url, scope="read write"), store, source)

    assert source.asked == [{"grant_type": "client_credentials", "scope": "read write"}]
    assert source.shown == ["access-1"]


def test_by_a_refresh_token(source: TokenSource, store: KeptInMemory) -> None:
    fetch(refreshing(source.url), store, source)

    assert source.asked == [{"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}]
    assert source.shown == ["access-1"]


def test_a_kept_token_serves_every_client_until_it_is_worn_out(source: TokenSource, store: KeptInMemory) -> None:
    time = StillTime()
    login = authorization(source.url)
    for seconds in (0, 3539, 3540, 3600):  # of 3600, less the margin
        time.seconds = seconds
        fetch(login, store, source, time)

    assert source.shown == ["access-1", "access-1", "access-2", "access-2"]


@pytest.mark.parametrize(
    ("expires_in", "after", "asked"),
    [
        ("3600", 3539, 1),
        ("3600", 3541, 2),
        (20, 9, 1),
        (20, 11, 2),
        (None, 10**8, 1),
        ("soon", 10**8, 1),
        (-5, 10**8, 1),
        (0, 10**8, 1),
        (1e308, 10**8, 1),
        ([], 10**8, 1),
        (float("nan"), 10**8, 1),
    ],
)
def test_how_long_a_token_serves(
    source: TokenSource, store: KeptInMemory, expires_in: Any, after: float, asked: int
) -> None:
    source.expires_in = expires_in
    time = StillTime()
    fetch(authorization(source.url), store, source, time)
    time.seconds += after
    fetch(authorization(source.url), store, source, time)

    assert len(source.asked) == asked


def test_a_refused_token_is_renewed_and_the_request_sent_again(source: TokenSource, store: KeptInMemory) -> None:
    fetch(authorization(source.url), store, source)
    source.revoke()

    assert fetch(authorization(source.url), store, source).records == [{"id": 1}]
    assert source.shown == ["access-1", "access-1", "access-2"]


def test_after_one_renewal_a_401_is_told(source: TokenSource, store: KeptInMemory, httpserver: HTTPServer) -> None:
    httpserver.clear()
    httpserver.expect_request("/token").respond_with_handler(source.answer)
    httpserver.expect_request("/things").respond_with_data("no", status=401)
    error = failure(authorization(source.url), store, source)

    assert isinstance(error, AuthenticationFailed)
    assert (error.code, error.status_code, len(source.asked)) == ("http_401", 401, 2)


def test_a_rotated_refresh_token_stands_in_for_the_configured_one(source: TokenSource, store: KeptInMemory) -> None:
    source.rotates = True
    for _ in range(3):
        fetch(refreshing(source.url), store, source)
        source.revoke()

    assert [form["refresh_token"] for form in source.asked] == [REFRESH_TOKEN, "refresh-1", "refresh-2"]


def test_a_refresh_token_that_is_not_replaced_lasts(source: TokenSource, store: KeptInMemory) -> None:
    for _ in range(2):
        fetch(refreshing(source.url), store, source)
        source.revoke()

    assert [form["refresh_token"] for form in source.asked] == [REFRESH_TOKEN, REFRESH_TOKEN]


def test_other_credentials_begin_anew(source: TokenSource, store: KeptInMemory) -> None:
    source.rotates = True
    fetch(refreshing(source.url), store, source)
    source.refresh_tokens = {"given anew"}
    fetch(refreshing(source.url), store, source, context=context(refresh_token="given anew"))

    assert [form["refresh_token"] for form in source.asked] == [REFRESH_TOKEN, "given anew"]
    assert source.shown == ["access-1", "access-2"]


def test_where_the_header_is_refused_the_body_is_tried_and_remembered(source: TokenSource, store: KeptInMemory) -> None:
    source.takes = "body"
    for _ in range(2):
        fetch(authorization(source.url), store, source)
        source.revoke()

    assert ["client_secret" in form for form in source.asked] == [False, True, True]


def test_a_named_style_is_the_only_one_tried(source: TokenSource, store: KeptInMemory) -> None:
    error = failure(authorization(source.url, auth_style="body"), store, source)

    assert (error.code, len(source.asked), source.asked[0]["client_secret"]) == ("invalid_client", 1, CLIENT_SECRET)


def test_a_client_without_a_secret_names_itself(source: TokenSource, store: KeptInMemory) -> None:
    source.before = lambda request: Response(json.dumps({"access_token": "x"}), content_type="application/json")
    source.valid.add("x")
    login = refreshing(source.url)
    del login["config"]["client_secret"]
    fetch(login, store, source)

    assert source.asked[0]["client_id"] == "client:1"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant", "error_description": "expired"}, "invalid_grant"),
        (400, {"error": "invalid_scope"}, "invalid_scope"),
        (403, {"error": "account_locked"}, "token_refused"),
        (400, {"error": {"code": 7}}, "token_refused"),
        (404, "<html>nothing here</html>", "token_refused"),
        (400, ["x"], "token_refused"),
    ],
)
def test_a_refusal_is_told_by_its_name(
    source: TokenSource, store: KeptInMemory, status: int, body: Any, code: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    source.before = lambda request: Response(text, status)
    error = failure(refreshing(source.url), store, source)

    assert isinstance(error, AuthenticationFailed)
    assert (error.code, error.status_code, error.url, len(source.asked)) == (code, status, f"{source.url}/token", 1)
    assert source.shown == []


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"access_token": ""}', b'{"access_token": 7}', b'{"access_token": "a\\r\\nb"}', b"{"]
)
def test_an_answer_without_a_usable_token_is_tried_again_and_then_told(
    source: TokenSource, store: KeptInMemory, body: bytes
) -> None:
    source.before = lambda request: Response(body, content_type="application/json")
    error = failure(authorization(source.url), store, source)

    assert not isinstance(error, AuthenticationFailed)
    assert (error.code, len(source.asked)) == ("broken_body" if body == b"{" else "bad_token_answer", 4)
    assert store.token is None


def test_a_token_endpoint_that_flaps_is_tried_again(source: TokenSource, store: KeptInMemory) -> None:
    answers = iter([Response(status=502), Response(status=429, headers={"Retry-After": "3"}), None])
    source.before = lambda request: next(answers)
    time = StillTime()
    fetch(authorization(source.url), store, source, time)

    assert (len(source.asked), time.waits[-1]) == (3, 3)


def test_a_long_wait_of_the_token_endpoint_is_handed_to_the_run(source: TokenSource, store: KeptInMemory) -> None:
    source.before = lambda request: Response(status=429, headers={"Retry-After": "300"})
    with pytest.raises(RateLimited) as caught:
        fetch(authorization(source.url), store, source)

    assert caught.value.seconds == 300


def test_a_token_request_is_not_redirected(source: TokenSource, store: KeptInMemory) -> None:
    source.before = lambda request: Response(status=307, headers={"Location": "/elsewhere"})

    assert failure(authorization(source.url), store, source).code == "redirected"


def test_the_token_endpoint_is_guarded_like_the_source(source: TokenSource, store: KeptInMemory) -> None:
    login = authorization("https://127.0.0.1")
    api = client(login, store, "https://api.example.com", private=NO_PRIVATE_HOSTS)
    with api, pytest.raises(RequestFailed) as caught:
        api.fetch(spec().method("things", "list"), RequestValues(), None)

    assert (caught.value.code, caught.value.url) == ("address_refused", "https://127.0.0.1/token")


def test_an_account_without_its_credentials_sends_nothing(source: TokenSource, store: KeptInMemory) -> None:
    error = failure(authorization(source.url), store, source, context={"client_id": "x"})

    assert (error.code, source.asked, source.shown) == ("missing_credential", [], [])


def test_threads_whose_token_is_refused_renew_it_once(source: TokenSource, store: KeptInMemory) -> None:
    together = threading.Barrier(8, timeout=10)
    with client(authorization(source.url), store, source.url, wait=lambda seconds: None) as api:
        method = spec(source.url).method("things", "list")
        api.fetch(method, RequestValues(), None)
        source.revoke()

        def fetch_together(number: int) -> list[Any]:
            together.wait()
            return api.fetch(method, RequestValues(), None).records

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(fetch_together, range(8))) == [[{"id": 1}]] * 8

    assert source.given == 2


def test_no_error_tells_a_token_or_a_secret(source: TokenSource, store: KeptInMemory, httpserver: HTTPServer) -> None:
    source.rotates = True
    fetch(refreshing(source.url), store, source)
    httpserver.clear()
    echo = f"you sent access-1 and {REFRESH_TOKEN}, refresh-1, {CLIENT_SECRET}"
    httpserver.expect_request("/things").respond_with_data(echo, status=400)
    error = failure(refreshing(source.url), store, source)

    assert error.excerpt == "you sent *** and ***, ***, ***"


def test_a_refusal_that_repeats_the_refresh_token_does_not_tell_it(source: TokenSource, store: KeptInMemory) -> None:
    source.refresh_tokens = set()
    error = failure(refreshing(source.url), store, source)

    assert "*** is gone" in error.message
    assert REFRESH_TOKEN not in repr(error) + error.excerpt


def test_a_token_shows_nothing_of_itself() -> None:
    token = Token("access-1", None, "refresh-1", "header", "basis-1")

    assert not any(secret in repr(token) for secret in ("access-1", "refresh-1", "basis-1"))
