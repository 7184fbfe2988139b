"""Reading bodies: tolerant of odd values, strict about the shape."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import RequestFailed
from runs.connectors.deep_records import KEPT
from runs.connectors.reply import Reply
from runs.connectors.response import parse_body, records_in
from tests.runs.connectors.sources import spec

NESTED: Any = None  # what is kept of a list without a bottom
for _ in range(KEPT - 1):
    NESTED = [NESTED]


def reply(body: bytes, charset: str | None = None) -> Reply:
    return Reply(200, "OK", "https://api.example.com/things", {}, charset, body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b'"\\ud800"', "\ud800"),
        (b'"a\\u0000b"', "a\0b"),
        (b'"a\x00b\nc"', "a\0b\nc"),
        (b"1e400", math.inf),
        (b"-Infinity", -math.inf),
        (b"9" * 5000, math.inf),
        (b"9007199254740993", 2**53 + 1),
        (b"18446744073709551617", 2**64 + 1),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"__proto__": {"x": 1}}', {"__proto__": {"x": 1}}),
        (b'{"a": 1, "b": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", {"a": 1, "b": NESTED}),
    ],
)
def test_odd_values_do_not_cost_the_page(body: bytes, value: Any) -> None:
    assert parse_body(reply(body)) == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**62, 2**70)
    | st.floats()
    | st.text()
    | st.from_regex(r"\A-?[0-9]{15,30}\Z"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans(), st.sampled_from([None, 0, 1]))
def test_the_fast_way_reads_what_the_tolerant_one_reads(value: Any, ensure_ascii: bool, indent: int | None) -> None:
    """By their texts, which tell 1 from 1.0, and NaN from nothing."""
    told = reply(json.dumps(value, ensure_ascii=ensure_ascii, indent=indent).encode())
    assert repr(parse_body(told)) == repr(json.loads(told.body))


@pytest.mark.parametrize(
    ("body", "is_plain"),
    [
        (b'{"a": [1, null, "x"], "b": "12345678901234567890"}', True),
        (b'{"a": 123456789012345678901}', False),
        (b"-123456789012345678901", False),
        (b'{"a": NaN}', False),
        (b'{"a": 1e400}', False),
        (b'{"a": "\\u0000"}', False),
        (b'{"a": "\\ud800"}', False),
    ],
)
def test_a_plain_body_is_told_from_one_that_needs_a_closer_look(body: bytes, is_plain: bool) -> None:
    assert reply(body).is_plain == is_plain


def test_nan_comes_through_as_nan() -> None:
    assert math.isnan(parse_body(reply(b"NaN")))


def test_a_huge_integer_does_not_change_its_neighbours() -> None:
    assert parse_body(reply(b"[" + b"9" * 5000 + b", 9007199254740993]")) == [math.inf, 2**53 + 1]


@pytest.mark.parametrize(
    ("charset", "body"), [("latin-1", b'"\xe9"'), ("utf-8", '"é"'.encode()), ("UTF8", b'"\xc3\xa9"')]
)
def test_a_declared_charset_is_used(charset: str, body: bytes) -> None:
    assert parse_body(reply(body, charset)) == "é"


@pytest.mark.parametrize(
    ("body", "charset", "code", "permanent"),
    [
        (b"<html>maintenance</html>", None, "wrong_shape", True),
        (b"", None, "wrong_shape", True),
        (b"  \n", None, "wrong_shape", True),
        (b"OK", None, "wrong_shape", True),
        (b'{"data": [1, 2', None, "broken_body", False),
        (b'[{"a":]', None, "broken_body", False),
        (b'"\xff"', None, "bad_encoding", True),
        (b'"\xff"', "utf-8", "bad_encoding", True),
        (b'"x"', "klingon", "bad_encoding", True),
        (b'"x"', "hex", "bad_encoding", True),
        (b"[" * 200_000, None, "too_deep", True),
        (b'{"a":' * 200_000, None, "too_deep", True),
    ],
)
def test_what_is_no_json_is_an_error_with_a_name(body: bytes, charset: str | None, code: str, permanent: bool) -> None:
    with pytest.raises(RequestFailed) as caught:
        parse_body(reply(body, charset))

    assert (caught.value.code, caught.value.permanent) == (code, permanent)
    assert caught.value.status_code == 200


def test_the_error_of_a_body_brings_its_beginning() -> None:
    with pytest.raises(RequestFailed) as caught:
        parse_body(reply(b"<html>maintenance</html>"))

    assert caught.value.excerpt == "<html>maintenance</html>"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": "no"}, "a list was expected at data; there is nothing"),
        ({"data": None}, "there is null"),
        ({"data": {"a": 1}}, "there is an object"),
        ({"data": "x"}, "there is a text"),
        ({"data": 7}, "there is a number"),
        ([], "there is nothing"),
        (None, "there is nothing"),
        ("text", "there is nothing"),
    ],
)
def test_a_wrong_shape_is_never_an_empty_list(body: Any, told: str) -> None:
    with pytest.raises(RequestFailed) as caught:
        records_in(body, spec().method("things", "list"), reply(json.dumps(body).encode()))

    assert caught.value.code == "wrong_shape"
    assert told.lower() in str(caught.value).lower()


def test_an_empty_list_is_no_records() -> None:
    assert records_in({"data": []}, spec().method("things", "list"), reply(b"")) == []


def test_without_a_path_the_body_itself_is_the_list() -> None:
    of = spec(resources={"things": {"list": {"path": "/things"}}})

    assert records_in([1, 2], of.method("things", "list"), reply(b"")) == [1, 2]
    with pytest.raises(RequestFailed, match="A list was expected as the body; there is an object"):
        records_in({"data": []}, of.method("things", "list"), reply(b""))


def test_get_yields_the_one_object() -> None:
    method = spec().method("things", "get")

    assert records_in({"id": 1}, method, reply(b"")) == [{"id": 1}]
    with pytest.raises(RequestFailed, match="An object was expected as the body; there is a list"):
        records_in([{"id": 1}], method, reply(b""))


@pytest.mark.parametrize("method", ["create", "me"])
def test_a_write_or_a_method_of_its_own_answers_one_record_or_several(method: str) -> None:
    of = spec(resources={"things": {method: {"path": "/things", "pagination": None}}}).method("things", method)

    assert records_in({"id": 1}, of, reply(b"")) == [{"id": 1}]
    assert records_in([{"id": 1}, {"id": 2}], of, reply(b"")) == [{"id": 1}, {"id": 2}]
    with pytest.raises(RequestFailed, match="An object or a list was expected as the body; there is a text"):
        records_in("done", of, reply(b""))


def test_a_write_may_be_answered_with_nothing() -> None:
    of = spec()

    assert parse_body(reply(b""), may_be_empty=True) is None
    assert records_in(None, of.method("things", "delete"), reply(b"")) == []
    with pytest.raises(RequestFailed):
        records_in(None, of.method("things", "get"), reply(b""))
