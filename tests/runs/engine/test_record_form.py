"""Records are cleaned, or refused one by one with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runs.engine.record_form import RefusedRecord, StorableRecord, prepared


def stored(record: Any, id_path: str = "id") -> StorableRecord:
    form = prepared(record, id_path)
    assert isinstance(form, StorableRecord), form
    return form


def refused(record: Any, id_path: str = "id") -> RefusedRecord:
    form = prepared(record, id_path)
    assert isinstance(form, RefusedRecord), form
    return form


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (7, "7"), (7.0, "7"), (" 7", " 7"), (0, "0"), (2**70, str(2**70))]
)
def test_an_id_is_text(value: Any, text: str) -> None:
    assert stored({"id": value}).record_id == text


@pytest.mark.parametrize("number", [2**64 + 1, 10**30 + 1, 10**400, -(10**4000)])
def test_a_long_integer_beside_a_null_is_stored_as_it_is(number: int) -> None:
    assert json.loads(stored({"id": 1, "n": number, "nothing": None}).json)["n"] == number


@pytest.mark.parametrize(
    ("record", "path"), [({"a": {"b": "x"}}, "a.b"), ({"a": [{"b": "x"}]}, "a.0.b"), ({"a": {"b.c": "x"}}, "a.b.c")]
)
def test_an_id_may_lie_deeper(record: Any, path: str) -> None:
    assert stored(record, path).record_id == "x"


@pytest.mark.parametrize("value", [None, "", True, [], {}, 1.5, "\0", "\ud800\0"])
def test_a_record_without_a_usable_id_is_refused(value: Any) -> None:
    assert refused({"id": value}).code == "no_id"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("text", "not_an_object"),
        ({"id": "x" * 513}, "id_too_long"),
        ({"id": 10**5000}, "id_too_long"),
        ({"id": 1, "text": "x" * 1_000_000}, "too_large"),
        ({"id": 1, "n": float("nan")}, "not_json"),
        ({"id": 1, "n": [float("-inf")]}, "not_json"),
    ],
)
def test_what_can_not_be_stored_is_refused_by_name(record: Any, code: str) -> None:
    assert refused(record).code == code


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert refused({"id": 1, "deep": deep}).code == "too_deep"


def test_nul_and_lone_surrogates_are_removed_everywhere() -> None:
    record = stored({"id": "a\0b", "te\0xt": ["x\ud800y", {"k": "\0"}]})
    assert record.record_id == "ab"
    assert json.loads(record.json) == {"id": "ab", "text": ["xy", {"k": ""}]}


def test_the_order_of_keys_does_not_change_the_hash() -> None:
    assert stored({"id": 1, "a": 2}).content_hash == stored({"a": 2, "id": 1}).content_hash


def test_a_changed_value_changes_the_hash() -> None:
    assert stored({"id": 1, "a": 2}).content_hash != stored({"id": 1, "a": 3}).content_hash
