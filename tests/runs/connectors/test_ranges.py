"""Lists by range requests (RFC 9110, sections 14.1 to 14.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from runs.connectors import RequestFailed
from runs.connectors.pagination import PageView, Pagination, Parts
from runs.connectors.pagination.ranges import ContentRange
from tests.runs.connectors.paging import all_pages, pagination
from tests.runs.connectors.sources import list_spec

URL = "https://api.example.com/things"
RANGES = {"format": "range", "config": {"unit": "items", "limit": 100}}


def following(
    content_range: str | None,
    records: int = 100,
    *,
    start: int = 0,
    status: int = 206,
    ranges: Pagination | None = None,
) -> dict[str, Any] | None:
    headers = {} if content_range is None else {"content-range": content_range}
    view = PageView(URL, Parts(), None, headers, list(range(records)), status)
    return (ranges or pagination(**RANGES)).following(view, {"start": start} if start else None)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("items 0-99/512", ContentRange("items", 0, 99, 512)),
        ("items 0-99/*", ContentRange("items", 0, 99, None)),
        ("items */512", ContentRange("items", None, None, 512)),
        ("*/*", ContentRange(None, None, None, None)),
        ("0-24/3573458", ContentRange(None, 0, 24, 3573458)),
        ("items=0-0/1", ContentRange("items", 0, 0, 1)),
        ("items; 0-0/1", None),
        ("items 5-4/10", None),
        ("items 0-10/10", None),
        ("items 0-99", None),
        ("items -1-5/10", None),
        ("items 0-1e3/*", None),
        ("items \u0660-\u0661/\u0662", None),
        ("items 0-" + "9" * 5000 + "/*", None),
        ("", None),
    ],
)
def test_content_range_is_read(value: str, read: ContentRange | None) -> None:
    assert ContentRange.read(value) == read


@given(st.text() | st.from_regex(r"\s*[a-z]* ?\d*-?\d*/?\d*\*?", fullmatch=True))
def test_no_content_range_breaks_the_reading(value: str) -> None:
    came = ContentRange.read(value)

    assert came is None or came.first is None or came.last is None or 0 <= came.first <= came.last


@given(first=st.integers(0, 10**9), length=st.integers(1, 10**6), behind=st.none() | st.integers(0, 10**6))
def test_a_content_range_says_what_was_written(first: int, length: int, behind: int | None) -> None:
    last = first + length - 1
    total = None if behind is None else last + 1 + behind
    text = f"items {first}-{last}/{'*' if total is None else total}"

    assert ContentRange.read(text) == ContentRange("items", first, last, total)


@pytest.mark.parametrize(
    ("config", "cursor", "sent"),
    [
        ({"unit": "items", "limit": 100}, None, "items=0-99"),
        ({"unit": "rows", "limit": 100}, {"start": 100}, "rows=100-199"),
        ({}, {"start": 7}, "items=7-"),
    ],
)
def test_a_range_is_asked_for(config: dict[str, Any], cursor: dict[str, Any] | None, sent: str) -> None:
    assert pagination("range", config).parts(Parts(), cursor).headers == {"Range": sent}


@pytest.mark.parametrize(
    ("content_range", "records", "start", "next_start"),
    [
        ("items 0-99/512", 100, 0, 100),
        ("items 0-49/512", 50, 0, 50),
        ("items 500-511/512", 12, 500, None),
        ("items 0-99/100", 100, 0, None),
        ("items 0-99/*", 100, 0, 100),
        ("items 0-49/*", 50, 0, 50),
        ("0-99/512", 100, 0, 100),
        ("items 90-189/512", 100, 100, 190),
        ("*/0", 0, 0, None),
        ("items */*", 0, 100, None),
        ("items 0-99/*", 0, 0, None),
    ],
)
@pytest.mark.parametrize("status", [200, 206])
def test_the_next_range_begins_behind_what_came(
    content_range: str, records: int, start: int, next_start: int | None, status: int
) -> None:
    expected = None if next_start is None else {"start": next_start}

    assert following(content_range, records, start=start, status=status) == expected


@pytest.mark.parametrize(
    ("content_range", "start", "message"),
    [
        ("nonsense", 0, "no range of items"),
        ("bytes 0-99/512", 0, "no range of items"),
        ("items 150-199/512", 100, "does not hold 100"),
        ("items 0-99/512", 100, "does not hold 100"),
        ("items */512", 0, "names no range"),
    ],
)
def test_a_content_range_that_does_not_fit_is_an_error(content_range: str, start: int, message: str) -> None:
    with pytest.raises(RequestFailed, match=message) as caught:
        following(content_range, start=start)

    assert caught.value.code == "wrong_range"


def test_a_200_without_the_header_is_the_whole_list() -> None:
    assert following(None, 512, status=200) is None


@pytest.mark.parametrize(("records", "expected"), [(100, {"start": 200}), (99, None), (0, None)])
def test_a_206_without_the_header_is_counted(records: int, expected: dict[str, Any] | None) -> None:
    assert following(None, records, start=100) == expected


@pytest.mark.parametrize(
    ("status", "content_range", "start", "is_end"),
    [
        (416, "items */100", 100, True),
        (416, "items */*", 100, True),
        (416, None, 100, True),
        (416, "items */0", 0, True),
        (416, None, 0, False),
        (416, "items */*", 0, False),
        (416, "items */512", 100, False),
        (404, "items */100", 100, False),
    ],
)
def test_a_416_is_the_end_where_nothing_is_known_to_be_left(
    status: int, content_range: str | None, start: int, is_end: bool
) -> None:
    headers = {} if content_range is None else {"content-range": content_range}

    assert pagination(**RANGES).is_end(status, headers, {"start": start} if start else None) is is_end


def ranged(total: int, *, tells_total: bool, cap: int) -> Any:
    """A source of numbers, as RFC 9110 describes one."""

    def answer(request: Request) -> Response:
        first, last = (int(text or 10**9) for text in request.headers["Range"].removeprefix("items=").split("-"))
        last = min(last, first + cap - 1, total - 1)
        told = total if tells_total else "*"
        if first >= total:
            return Response(status=416, headers={"Content-Range": f"items */{told}"})
        body = json.dumps({"data": list(range(first, last + 1))})
        return Response(body, status=206, headers={"Content-Range": f"items {first}-{last}/{told}"})

    return answer


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize(("total", "cap"), [(0, 10), (1, 10), (10, 10), (25, 10), (30, 10), (25, 4)])
def test_every_record_comes_once(httpserver: HTTPServer, total: int, cap: int, tells_total: bool) -> None:
    httpserver.expect_request("/things").respond_with_handler(
        ranged(total, tells_total=tells_total or total == 0, cap=cap)
    )
    of = list_spec(httpserver.url_for(""), {"format": "range", "config": {"limit": 10}})

    assert all_pages(of) == list(range(total))


def test_a_416_that_is_no_end_is_an_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/things").respond_with_data("", status=416)

    with pytest.raises(RequestFailed) as caught:
        all_pages(list_spec(httpserver.url_for(""), RANGES))
    assert caught.value.code == "http_416"
