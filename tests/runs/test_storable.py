"""What a database of ours can't hold is found wherever it is, and what is cleaned holds nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as limits
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.depth import MAX_DEPTH, nests_deeper
from runs.engine.record_form import MAX_ID, StorableRecord, cleaned, prepared
from runs.storable import storage_failures

# As they come out of a tolerant reader: with NUL, lone surrogates, NaN, infinities and integers of any length.
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\0", "a\0b", "\ud800", "\udfff\ud800"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([2**64 + 1, 10**400]) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.dictionaries(TEXTS, VALUES, max_size=3).flatmap(
    lambda others: st.builds(lambda record_id: {**others, "id": record_id}, TEXTS | VALUES)
)
WHERE_IT_IS_JSON = {"postgresql": "SELECT jsonb_typeof(%s::jsonb)", "sqlite": "SELECT json_type(%s)"}


def nested(levels: int) -> Any:
    value: Any = 1
    for number in range(levels):
        value = [value] if number % 2 else {"k": value}
    return value


@given(VALUES)
def test_what_is_cleaned_has_no_fault_left_and_is_not_cleaned_further(value: Any) -> None:
    once = cleaned(value)

    assert storage_failures(once) == []
    assert cleaned(once) == once


@given(VALUES)
def test_a_value_without_a_fault_is_left_as_it_is(value: Any) -> None:
    if not storage_failures(value):
        assert cleaned(value) == value
        assert json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode()) == value


@given(st.integers(0, 3 * MAX_DEPTH))
def test_the_depth_is_bounded(levels: int) -> None:
    assert bool(storage_failures(nested(levels))) == nests_deeper(nested(levels)) == (levels > MAX_DEPTH)


@given(RECORDS)
def test_a_record_is_refused_or_of_clean_text_and_bounded_size(record: dict[str, Any]) -> None:
    form = prepared(record, "id")
    if not isinstance(form, StorableRecord):
        assert form.code
        assert form.reason.endswith(".")
        return
    assert 0 < len(form.record_id) <= MAX_ID
    assert len(form.json) <= limits.RECORD_BYTES
    assert storage_failures(json.loads(form.json), form.record_id) == []
    assert prepared(json.loads(form.json), "id") == form


@pytest.mark.django_db
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS)
def test_the_database_takes_what_is_not_refused(record: dict[str, Any]) -> None:
    form = prepared(record, "id")
    if isinstance(form, StorableRecord):
        with connection.cursor() as cursor:
            cursor.execute(WHERE_IT_IS_JSON[connection.vendor], [form.json.decode()])
            assert cursor.fetchone() == ("object",)
