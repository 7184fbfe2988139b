"""Retry-After in all its forms, and how long a request keeps trying."""

from __future__ import annotations

import random
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import RateLimited
from runs.connectors.bounds import Bounds
from runs.connectors.retry import FOREVER, SHORTEST_LIMIT, Patience, retry_after
from tests.runs.connectors.sources import NOON

IN_A_MINUTE = format_datetime(NOON + timedelta(minutes=1), usegmt=True)


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("5", None, 5),
        (" 5 ", None, 5),
        ("0", None, 0),
        ("99999999999999999999", None, FOREVER),
        ("9" * 5000, None, FOREVER),
        (IN_A_MINUTE, None, 60),
        (IN_A_MINUTE.replace("GMT", "-0000"), None, 60),
        ("Tuesday, 24-Nov-26 12:01:00 GMT", None, 60),
        ("Tue Nov 24 12:01:00 2026", None, 60),
        (IN_A_MINUTE, format_datetime(NOON + timedelta(seconds=50), usegmt=True), 10),
        (IN_A_MINUTE, "nonsense", 60),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None, -3600),
        ("-5", None, None),
        ("1e9", None, None),
        ("1.5", None, None),
        ("٣", None, None),
        ("abc", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_retry_after_is_read(value: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after(value, date, NOON) == seconds


@given(st.text() | st.none(), st.text() | st.none())
def test_no_header_breaks_the_reading(value: str | None, date: str | None) -> None:
    seconds = retry_after(value, date, NOON)
    assert seconds is None or isinstance(seconds, float)


@given(st.integers(-(10**8), 10**8))
def test_a_date_is_as_far_away_as_it_says(seconds: int) -> None:
    assert retry_after(format_datetime(NOON + timedelta(seconds=seconds), usegmt=True), None, NOON) == seconds


@given(st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=60))
def test_whatever_is_told_a_request_waits_within_its_bounds(told: list[float | None]) -> None:
    request, waited = patience(), 0.0
    for seconds in told:
        try:
            wait = request.after_limit(seconds)
        except RateLimited as limit:
            assert SHORTEST_LIMIT <= limit.seconds <= Bounds().longest_limit
            break
        assert wait >= SHORTEST_LIMIT
        waited += wait
    assert waited <= Bounds().longest_wait


def patience() -> Patience:
    return Patience(0.0, jitter=random.Random(7))


@pytest.mark.parametrize(("told", "waited"), [(0.0, 1.0), (-3600.0, 1.0), (5.0, 5.0), (30.0, 30.0)])
def test_a_short_wait_is_spent_in_the_request(told: float, waited: float) -> None:
    assert patience().after_limit(told) == waited


@pytest.mark.parametrize(("told", "seconds"), [(31.0, 31.0), (1e9, 3600.0), (864_000.0, 3600.0)])
def test_a_long_wait_is_the_runs(told: float, seconds: float) -> None:
    with pytest.raises(RateLimited) as caught:
        patience().after_limit(told)

    assert caught.value.seconds == seconds


def test_many_short_waits_are_a_long_one() -> None:
    request = patience()
    assert [request.after_limit(20.0), request.after_limit(10.0)] == [20.0, 10.0]

    with pytest.raises(RateLimited):
        request.after_limit(1.0)


def test_without_a_word_from_the_source_the_waits_grow() -> None:
    waits: list[float] = []
    request = patience()
    with pytest.raises(RateLimited):
        waits.extend(request.after_limit(None) for _ in range(100))

    assert 1 <= len(waits) < 31
    assert all(1 <= wait <= 30 for wait in waits)


def test_a_request_is_tried_four_times() -> None:
    request = patience()
    delays = [request.after_failure(now=0.0) for _ in range(Bounds().tries)]

    assert all(delay is not None and 0 <= delay <= 16 for delay in delays[:-1])
    assert delays[-1] is None


def test_no_try_begins_after_thirty_seconds() -> None:
    assert patience().after_failure(now=30.5) is None


def test_waiting_for_a_limit_does_not_use_up_the_time_for_tries() -> None:
    request = patience()
    request.after_limit(29.0)

    assert request.after_failure(now=30.0) is not None
