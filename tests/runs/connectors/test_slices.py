"""Records that are kept as they came: the same ones as if they were parsed, or the body is left to the parser."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from runs.connectors import parse_integration
from runs.connectors.paths import MISSING
from runs.connectors.reply import Reply
from runs.connectors.response import parse_body
from runs.connectors.slices import Slices, sliced_body

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.from_regex(r"\A[0-9e+.]+\Z"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
RECORD = st.dictionaries(st.sampled_from(["id", "a.b", "x"]), JSON)


def reply(body: bytes, charset: str | None = None) -> Reply:
    return Reply(200, "OK", "https://api.example.com/things", {}, charset, body)


def sliced(body: bytes, path: str | None = "data", key: str = "id", charset: str | None = None) -> Any:
    return sliced_body(reply(body, charset), path, key)


@example([{"id": -(2**63) - 1}], None, False, None)
@example([{"id": 2**64}], None, False, None)
@given(st.lists(RECORD), JSON, st.booleans(), st.sampled_from([None, 1]))
def test_a_slice_means_what_the_parser_reads(
    records: list[Any], rest: Any, ensure_ascii: bool, indent: int | None
) -> None:
    body = json.dumps({"next": rest, "data": records}, ensure_ascii=ensure_ascii, indent=indent).encode(
        "utf-8", "surrogatepass"
    )
    found = sliced(body)
    assume(found is not MISSING)
    parsed = parse_body(reply(body))
    assert found["next"] == parsed["next"]
    assert [orjson.loads(part) for part in found["data"]] == parsed["data"]
    assert found["data"].ids == [record.get("id", MISSING) for record in parsed["data"]]


@pytest.mark.parametrize(
    "record",
    [
        b'{"id": 1, "v": 1e400}',
        b'{"id": 1, "v": -12.5E+0999}',
        b'{"id": 1, "v": 1e-20000}',
        b'{"id": 1, "v": 123456789012345678901}',
        b'{"id": 1, "v": NaN}',
        b'{"id": 1, "v": "\\u0000"}',
        b'{"id": 1, "v": "\\ud800"}',
        b'{"id": 1, "v": "\xff"}',
        b'{"id": 1, "v": "\n"}',
        b'{"id": 1, "v": "\x00"}',
        b'{"id": 1, "v": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"id": 1, "v": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"id": 1',
        b"7",
        b"null",
        b'[{"id": 1}]',
    ],
)
def test_what_needs_a_look_is_left_to_the_parser(record: bytes) -> None:
    assert sliced(b'{"data": [{"id": 0}, ' + record + b"]}") is MISSING


@pytest.mark.parametrize(
    "value",
    [
        b'"550e8400e29b41d4a716446655440000"',
        b'"123e4567-e89b-12d3-a456-426614174000"',
        b"0.12345678901234567890123",
        b"1.5e-7",
        b"1E+22",
        b"-9223372036854775808",
        b'"\\u00e9\\u65e5"',
        b"[" * 99 + b"]" * 99,
        b"[" + b"[],{}," * 100 + b"1]",
        b'"2026-11-26T07:20:36.123456+00:00"',
    ],
)
def test_usual_values_are_sliced(value: bytes) -> None:
    assert sliced(b'{"data":[{"id":1,"v":' + value + b"}]}")["data"] == [b'{"id":1,"v":' + value + b"}"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'[{"id": 1}]', None),
        (b'{"a": {"n": 2, "b": [{"id": 1}]}, "x": [1]}', "a.b"),
        (b'{"a.b": [{"id": 1}], "a": {"b": [{"id": 2}]}}', "a.b"),
    ],
)
def test_the_records_are_found_where_the_parser_finds_them(body: bytes, path: str | None) -> None:
    found, parsed = sliced(body, path), json.loads(body)
    for key in {"a.b": ["a.b"] if "a.b" in parsed else ["a", "b"]}.get(path or "", []):
        found, parsed = found[key], parsed[key]
    assert isinstance(found, Slices)
    assert [json.loads(part) for part in found] == parsed == [{"id": 1}]


@pytest.mark.parametrize("body", [b'{"data": {"id": 1}}', b'{"other": []}', b'{"data": null}', b"[]", b"", b"<html>"])
def test_without_a_list_at_the_path_there_are_none(body: bytes) -> None:
    assert sliced(body) is MISSING


def test_a_charset_of_its_own_is_left_to_the_parser() -> None:
    assert sliced('{"data": [{"id": "é"}]}'.encode("latin-1"), charset="latin-1") is MISSING


PAGED = {"page_key": "page"}
BY_LAST = {"cursor_key": "c", "cursor_path": "id", "cursor_from": "last_record"}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({}, True),
        ({"record_id": "ref.id"}, False),
        ({"error_expression": "response.error"}, False),
        ({"pagination": {"format": "page", "config": PAGED}}, True),
        ({"pagination": {"format": "page", "config": PAGED | {"has_next_path": "meta.more"}}}, True),
        ({"pagination": {"format": "page", "config": PAGED | {"has_next_path": "data.0.more"}}}, False),
        ({"pagination": {"format": "offset", "config": {"offset_key": "o", "total_path": "data.0.total"}}}, False),
        ({"pagination": {"format": "cursor", "config": {"cursor_key": "c", "cursor_path": "next"}}}, True),
        ({"pagination": {"format": "cursor", "config": {"cursor_key": "c", "cursor_path": "data.9.id"}}}, False),
        ({"pagination": {"format": "cursor", "config": BY_LAST}}, False),
        ({"pagination": {"format": "dynamic", "config": {"next_expression": "null"}}}, False),
        ({"pagination": {"format": "link_header"}}, True),
    ],
)  # fmt: skip
def test_only_what_nobody_looks_into_is_sliced(method: dict[str, Any], expected: bool) -> None:
    described = {"method": "get", "path": "/things", "response_path": "data", **method}
    spec = parse_integration({"base_url": "https://api.example.com", "resources": {"things": {"list": described}}})
    assert spec.method("things", "list").may_be_sliced is expected
