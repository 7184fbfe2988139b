"""Which answers are a limit, and how long it lasts: by header, and by the integration's expressions."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from runs.connectors import RateLimited, RequestFailed
from runs.connectors.faults import Section
from runs.connectors.rate_limit import RateLimit
from runs.connectors.reply import Reply
from runs.connectors.retry import FOREVER
from tests.runs.connectors.sources import NOON, RawSource, StillTime, fetch, response, spec

EPOCH = int(NOON.timestamp())
PAGE = response(b'{"data": [1]}')
GITHUB = {
    "is_rate_limited": "status = 403 and (headers.`x-ratelimit-remaining` = '0' or $exists(headers.`retry-after`))",
    "retry_after_header_expression": "headers.`retry-after`",
    "rate_limit_header_expression": "headers.`x-ratelimit-remaining` = '0' ? headers.`x-ratelimit-reset`",
}


def rate_limit(**config: str) -> RateLimit:
    section = Section(config)
    parsed = RateLimit.parse(section)
    assert section.failures == []
    return parsed


def reply(status: int = 429, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, "", "https://api.example.com", named, None, b"told")


@pytest.mark.parametrize(
    ("status", "headers", "limited"),
    [
        (429, {}, True),
        (503, {"retry_after": "5"}, True),
        (503, {}, False),
        (503, {"retry_after": "soon"}, False),
        (403, {"retry_after": "5"}, False),
        (500, {"retry_after": "5"}, False),
        (200, {"retry_after": "5"}, False),
    ],
)
@pytest.mark.parametrize("also", [None, "false", "null", "status = 418"])
def test_what_is_a_limit_without_a_word_of_the_integration(
    status: int, headers: dict[str, str], limited: bool, also: str | None
) -> None:
    config = {} if also is None else {"is_rate_limited": also}

    assert rate_limit(**config).is_limit(reply(status, **headers), NOON) is limited


@pytest.mark.parametrize(
    ("status", "headers", "limited"),
    [
        (403, {"x_ratelimit_remaining": "0"}, True),
        (403, {"x_ratelimit_remaining": "12"}, False),
        (403, {"retry_after": "60"}, True),
        (403, {}, False),
        (401, {"x_ratelimit_remaining": "0"}, False),
        (404, {"x_ratelimit_remaining": "0"}, False),
    ],
)
def test_the_integration_says_which_errors_are_a_limit(status: int, headers: dict[str, str], limited: bool) -> None:
    assert rate_limit(**GITHUB).is_limit(reply(status, **headers), NOON) is limited


def test_a_page_that_came_is_never_thrown_away_for_a_limit() -> None:
    assert not rate_limit(is_rate_limited="headers.remaining = '0'").is_limit(reply(200, remaining="0"), NOON)


def test_refused_credentials_are_never_a_limit() -> None:
    assert not rate_limit(is_rate_limited="true").is_limit(reply(401), NOON)


@pytest.mark.parametrize(("status", "permanent"), [(403, True), (502, False)])
def test_an_expression_that_fails_leaves_the_answer_an_error(status: int, permanent: bool) -> None:
    with pytest.raises(RequestFailed, match=r"rate_limit\.is_rate_limited") as caught:
        rate_limit(is_rate_limited="$number(headers.remaining) = 0").is_limit(reply(status, remaining="some"), NOON)

    error = caught.value
    assert (error.code, error.status_code, error.excerpt) == ("expression_failed", status, "told")
    assert error.permanent is permanent


@pytest.mark.parametrize(
    ("after", "reset", "seconds"),
    [
        ("30", None, 30),
        (None, str(EPOCH + 40), 40),
        ("30", str(EPOCH + 40), 40),
        ("50", str(EPOCH + 40), 50),
        ("50", str(EPOCH - 40), 50),
        ("1.5", None, 1.5),
        (format_datetime(NOON + timedelta(seconds=9), usegmt=True), None, 9),
        (None, str((EPOCH + 40) * 1000), 40),
        (None, str((EPOCH + 40) * 1000_000_000), 40),
        (None, str(EPOCH) + ".5", 0.5),
        (None, (NOON + timedelta(seconds=40)).isoformat(), 40),
        (None, "2026-11-24T12:00:40Z", 40),
        (None, "2026-11-24T12:00:40", 40),
        (None, format_datetime(NOON + timedelta(seconds=40), usegmt=True), 40),
        (None, "40", 40),
        (None, "0", 0),
        (None, str(EPOCH - 3600), -3600),
        (None, "-1", -1),
        ("-5", None, -5),
        ("99999999999999999999", None, FOREVER),
        (None, "9" * 400, None),
        (" 30 ", "40\x1f", 40),
        (None, str(EPOCH + 864_000), 864_000),
        ("NaN", "NaN", None),
        ("Infinity", "abc", None),
        ("", "", None),
        ("1e3", "true", None),
    ],
)
def test_the_wait_is_the_larger_of_both(after: str | None, reset: str | None, seconds: float | None) -> None:
    headers = {name: value for name, value in (("after", after), ("reset", reset)) if value is not None}
    limit = rate_limit(retry_after_header_expression="headers.after", rate_limit_header_expression="headers.reset")

    assert limit.told(reply(**headers), NOON) == (None if seconds is None else pytest.approx(seconds, abs=0.01))


def test_numbers_that_the_expressions_make_are_taken() -> None:
    limit = rate_limit(
        retry_after_header_expression="$number(headers.minutes) * 60",
        rate_limit_header_expression="$number(headers.reset)",
    )

    assert limit.told(reply(minutes="2", reset=str(EPOCH + 30)), NOON) == 120


def test_the_reset_counts_from_the_clock_of_the_source() -> None:
    limit = rate_limit(rate_limit_header_expression="headers.reset")
    date = format_datetime(NOON + timedelta(hours=5), usegmt=True)

    assert limit.told(reply(reset=str(EPOCH + 5 * 3600 + 7), date=date), NOON) == 7


@pytest.mark.parametrize("config", [{}, {"retry_after_header_expression": "headers.gone"}])
def test_without_a_value_the_standard_header_counts(config: dict[str, str]) -> None:
    assert rate_limit(**config).told(reply(retry_after="12"), NOON) == 12


@pytest.mark.parametrize("failing", ["$number(headers.odd)", "$error('no')", "function($x) { $x }", "[1]", "{'a': 1}"])
def test_an_expression_that_gives_no_wait_leaves_it_to_the_others(failing: str) -> None:
    limit = rate_limit(retry_after_header_expression=failing, rate_limit_header_expression=failing)

    assert limit.told(reply(odd="x", retry_after="12"), NOON) == 12
    assert limit.told(reply(odd="x"), NOON) is None


@given(after=st.text() | st.integers().map(str), reset=st.text() | st.integers().map(str) | st.floats().map(str))
def test_no_header_gives_a_wait_that_is_none(after: str, reset: str) -> None:
    limit = rate_limit(retry_after_header_expression="headers.after", rate_limit_header_expression="headers.reset")
    seconds = limit.told(reply(after=after, reset=reset), NOON)

    assert seconds is None or (math.isfinite(seconds) and seconds <= FOREVER)


@given(seconds=st.integers(-10_000, 10_000), unit=st.sampled_from([1, 1000, 1_000_000]))
def test_a_reset_is_the_same_moment_in_every_unit(seconds: int, unit: int) -> None:
    limit = rate_limit(rate_limit_header_expression="headers.reset")
    told = limit.told(reply(reset=str((EPOCH + seconds) * unit)), NOON)

    assert told == pytest.approx(seconds)


def limit(*headers: str, status: str = "403 Forbidden") -> bytes:
    return response(b"", "X-RateLimit-Remaining: 0", *headers, status=status)


class TestOnTheWire:
    def test_a_403_is_waited_for_and_the_request_sent_again(self) -> None:
        time = StillTime()
        noted: list[float] = []
        with RawSource(limit(f"X-RateLimit-Reset: {EPOCH + 20}"), PAGE) as source:
            fetched = fetch(spec(source.url, rate_limit=GITHUB), time, on_retry_wait=noted.append)

        assert fetched.records == [1]
        assert time.waits == noted == [20]

    def test_a_long_wait_is_handed_to_the_run(self) -> None:
        with (
            RawSource(limit(f"X-RateLimit-Reset: {EPOCH + 900}")) as source,
            pytest.raises(RateLimited) as caught,
        ):
            fetch(spec(source.url, rate_limit=GITHUB))

        assert caught.value.seconds == 900

    def test_a_reset_that_has_passed_is_not_asked_for_at_once(self) -> None:
        time = StillTime()
        passed = limit(f"X-RateLimit-Reset: {EPOCH - 60}")
        with RawSource(passed, passed, PAGE) as source:
            assert fetch(spec(source.url, rate_limit=GITHUB), time).records == [1]

        assert time.waits == [1, 1]

    def test_a_limit_that_does_not_end_is_handed_to_the_run(self) -> None:
        time = StillTime()
        with (
            RawSource(*[limit("X-RateLimit-Reset: 0")] * 40) as source,
            pytest.raises(RateLimited, match="The source limits its rate"),
        ):
            fetch(spec(source.url, rate_limit=GITHUB), time)

        assert sum(time.waits) <= 30 < len(source.requests)

    def test_a_403_that_is_no_limit_is_an_error(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/things").respond_with_data("no", status=403)

        with pytest.raises(RequestFailed) as caught:
            fetch(spec(httpserver.url_for(""), rate_limit=GITHUB))
        assert caught.value.code == "http_403"

    def test_a_success_may_be_told_as_a_limit_by_the_error_expression(self, httpserver: HTTPServer) -> None:
        limit = Response(json.dumps({"ok": False, "error": "ratelimited"}), headers={"Retry-After": "7"})
        httpserver.expect_ordered_request("/things").respond_with_response(limit)
        httpserver.expect_ordered_request("/things").respond_with_json({"ok": True, "data": [1]})
        rule: Any = "response.error = 'ratelimited' ? {'status': 429} : response.error"
        time = StillTime()

        assert fetch(spec(httpserver.url_for(""), error_expression=rule), time).records == [1]
        assert time.waits == [7]
