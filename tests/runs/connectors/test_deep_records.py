"""Records without a bottom: found without recursion, cut off where no reader goes, and told from their neighbours."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from runs.connectors import FetchedPage
from runs.connectors.deep_records import KEPT, MOST_MARKS, apart, are_shallow, cut_off, may_be_deep
from runs.depth import MAX_DEPTH, nests_deeper
from tests.runs.connectors.sources import fetch, spec

JSON = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\a', max_size=3), inner, max_size=3),
)


def nested(levels: int, inner: Any = 1) -> Any:
    """The value within so many lists and objects."""
    for level in range(levels):
        inner = [inner] if level % 2 else {"a": inner}
    return inner


@given(JSON, st.booleans())
def test_what_is_not_deep_stays_as_it_is(value: Any, ensure_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ensure_ascii)
    assert cut_off(text) == text


@given(JSON, st.integers(KEPT, 900))
def test_null_stands_for_all_that_lies_deeper(value: Any, levels: int) -> None:
    told = json.loads(cut_off(json.dumps([nested(levels, value), "]}", value])) or "")
    assert told == [nested_until(KEPT - 1, levels), "]}", value]


def nested_until(kept: int, levels: int) -> Any:
    """What is left of a value within so many levels of which the outer ones are kept."""
    inner: Any = None
    for level in range(levels - kept, levels):
        inner = [inner] if level % 2 else {"a": inner}
    return inner


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        "[" * 1_000 + "}" * 1_000,
        "[" * 1_000 + "]" * 999,
        "[]]",
        '["' * (MOST_MARKS // 4) + '"]' * (MOST_MARKS // 4 + 1),
    ],
    ids=["open lists", "open objects", "crossed", "one open", "one too many", "too many"],
)
def test_what_does_not_pair_or_is_too_much_to_look_at_is_left_alone(text: str) -> None:
    assert cut_off(text) is None


def test_a_text_that_does_not_end_is_looked_at_once() -> None:
    assert cut_off('["' + '\\"' * 1_000_000) is None


@pytest.mark.parametrize(("levels", "is_deep"), [(1, False), (MAX_DEPTH, False), (MAX_DEPTH + 1, True), (900, True)])
@pytest.mark.parametrize("odd", [1, 2**70, float("nan"), "\ud800"])
def test_records_are_told_apart_by_the_level(levels: int, is_deep: bool, odd: Any) -> None:
    record, others = nested(levels, odd), [{"id": 1}, nested(3, odd)]
    assert apart([*others, record]) == ((others, [record]) if is_deep else ([*others, record], []))


def test_how_deep_orjson_writes_is_what_the_quick_look_takes_it_for() -> None:
    """It is only as good as that: with a limit of orjson's that has grown, no record would be too deep."""
    assert are_shallow([nested(MAX_DEPTH)])
    assert not are_shallow([nested(MAX_DEPTH + 1)])


@given(st.lists(JSON, max_size=5), st.integers(0, 2 * MAX_DEPTH))
def test_no_deep_record_is_passed_over_for_its_few_brackets(values: list[Any], levels: int) -> None:
    record = {"id": values, "a": nested(levels)}
    assert may_be_deep(orjson.dumps(record)) or not nests_deeper(record)


def page(httpserver: HTTPServer, levels: int, **method: Any) -> FetchedPage:
    opening, closing = '{"a":[' * (levels // 2), "]}" * (levels // 2)
    body = f'{{"data": [{{"id": "first"}}, {{"id": "deep", "a": {opening}1{closing}}}, {{"id": "last"}}]}}'
    httpserver.expect_request("/things").respond_with_data(body, content_type="application/json")
    described = {"things": {"list": {"path": "/things", "response_path": "data", **method}}}
    return fetch(spec(httpserver.url_for(""), resources=described))


@pytest.mark.parametrize("levels", [120, 900, 1_100, 20_000, 200_000])
def test_the_others_of_a_page_are_kept(httpserver: HTTPServer, levels: int) -> None:
    found = page(httpserver, levels)

    assert [record["id"] for record in found.records] == ["first", "last"]
    assert [record["id"] for record in found.too_deep] == ["deep"]
    assert found.fetched == 3


def test_a_page_goes_on_behind_a_record_that_is_too_deep(httpserver: HTTPServer) -> None:
    """Also where the last record says where."""
    cursor = {"cursor_key": "c", "cursor_path": "id", "cursor_from": "last_record"}
    found = page(httpserver, 20_000, pagination={"format": "cursor", "config": cursor})

    assert found.next_cursor is not None
    assert "last" in json.dumps(found.next_cursor)
