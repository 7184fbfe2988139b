"""Whatever a source sends, what comes out is a page or an error of ours: nothing else is raised, and nothing hangs."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runs.connectors import ApiSpec, ConnectorError, RequestValues
from tests.runs.connectors.sources import NOON, TOKEN, RawSource, StillTime, client, spec

PAGES = 4
ENOUGH = 150  # more answers than four tries, or thirty seconds of limits, of each page
FORMATS: dict[str, dict[str, Any]] = {
    "page": {"page_key": "p", "limit_key": "n", "limit": 2, "total_pages_path": "total", "has_next_path": "more"},
    "offset": {"offset_key": "o", "limit": 2, "total_path": "total"},
    "cursor": {"cursor_key": "c", "cursor_path": "next"},
    "link": {"cursor_path": "next", "is_link": True},
    "header": {"cursor_key": "c", "cursor_header": "Next-Range", "has_next_path": "more"},
    "last_record": {"cursor_key": "c", "cursor_path": "id", "cursor_from": "last_record", "has_next_path": "more"},
    "link_header": {},
    "range": {"limit": 2},
    "dynamic": {"next_expression": "response.next ? {'at': response.next, 'url': headers.link}"},
    "dynamic_parts": {"next_expression": "response.next"},
}
REAL = {"link": "cursor", "header": "cursor", "last_record": "cursor", "dynamic_parts": "dynamic"}
RULES = {
    "rate_limit": {
        "is_rate_limited": "headers.`x-remaining` = '0'",
        "retry_after_header_expression": "$number(headers.`x-after`)",
        "rate_limit_header_expression": "headers.`x-reset`",
    },
    "error_expression": "response.error",
}

ODD_TEXTS = ("", "0", "-1", "1e999", "NaN", "9" * 400, "\0", "\ud800", "a\r\nb", "https://[::1", "//evil.example", "é")
KEYS = ("id", "url", "headers", "query", "body", "status", "message")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(ODD_TEXTS)
objects = st.dictionaries(st.sampled_from(KEYS), scalars | st.dictionaries(st.sampled_from(KEYS), scalars, max_size=2))
values = scalars | objects | st.lists(scalars | objects, max_size=3)
pages = st.fixed_dictionaries(
    {"data": st.lists(objects, max_size=3)}, optional={"next": values, "more": values, "total": values}
)
errors = st.fixed_dictionaries({"error": values}, optional={"data": values})
bodies = (
    (pages | pages | errors).map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=40)
    | st.sampled_from([b"[" * 100_000, b'{"data": [' + b"9" * 5000 + b"]}", b"\xff\xfe", b'{"data": []', b"null"])
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)
KNOWN_VALUES = f"""
0
-1
5
9999999999999
1e9
NaN
{int(NOON.timestamp()) + 5}
Tue, 24 Nov 2026 12:00:01 GMT
Mon, 99 Foo 0000 99:99:99 GMT
items 0-1/*
items 0-1/9
items */*
items 5-1/2
bytes 0-1/2
items 0-999999999999999999999999999999/*
</x>; rel="next"
<//evil.example>; rel=next
<https://[::1>; rel=next
<<<<<<<<<<<<
<a>; rel="next
gzip
br
deflate
identity
text/html; charset=utf-99
application/json; charset=utf-16
/things
//evil.example/
https://[
chunked
"""
NAMES = (
    "Retry-After Date Content-Range Link Location Content-Encoding Content-Type Next-Range X-Remaining X-After X-Reset "
    "Transfer-Encoding Content-Length Set-Cookie"
)
known_values = st.sampled_from(KNOWN_VALUES.strip().split("\n"))
names = st.sampled_from(NAMES.split())
headers = st.lists(st.tuples(names, known_values | header_values), max_size=4)
statuses = st.just(200) | st.sampled_from([206, 204, 299, 302, 304, 307, 400, 401, 403, 416, 429, 500, 503, 599])


def hostile(status: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} Odd", "Connection: close", *(f"{name}: {value}" for name, value in headers)]
    if all(name not in ("Content-Length", "Transfer-Encoding") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def fetched(name: str, answer: bytes) -> int:
    """How many pages came, up to a few. What is raised besides our own errors goes through."""
    time = StillTime()
    with RawSource(*[answer] * ENOUGH) as source:
        of = described(source.url, name)
        cursor: dict[str, Any] | None = None
        for number in range(PAGES):
            try:
                with client(of, time) as api:
                    page = api.fetch(of.method("things", "list"), RequestValues(), cursor)
            except ConnectorError as error:
                assert TOKEN not in str(error)
                return number
            if page.next_cursor is None:
                return number + 1
            cursor = saved(page.next_cursor)
    return PAGES


def described(url: str, name: str) -> ApiSpec:
    pagination = {"format": REAL.get(name, name), "config": FORMATS[name]}
    methods = {"list": {"path": "/things", "response_path": "data"}}
    return spec(url, pagination=pagination, resources={"things": methods}, **RULES)


def saved(cursor: dict[str, Any]) -> dict[str, Any]:
    """The cursor after its checkpoint, in a database that takes neither NaN, lone surrogates nor NUL."""
    text = json.dumps(cursor, ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text.encode().decode().replace("\\\\", "")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=statuses, sent=headers, body=bodies)
def test_an_odd_answer_is_a_page_or_an_error_of_ours(
    name: str, status: int, sent: list[tuple[str, str]], body: bytes
) -> None:
    assert 0 <= fetched(name, hostile(status, sent, body)) <= PAGES


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(garbage=st.binary(max_size=200) | st.binary(max_size=80).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}")
@example(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
@example(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)
@example(b"HTTP/1.1 99999 Odd\r\n\r\n")
@example(b"HTTP/9.9 200 OK\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n\r\n" + gzip.compress(b"{}"))
@example(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n{}")
def test_bytes_that_are_no_answer_are_an_error_of_ours(garbage: bytes) -> None:
    assert fetched("cursor", garbage) == 0
