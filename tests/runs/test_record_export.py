"""Records as files: what stands in them, and that they are read in pieces."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs import record_export
from runs.models import Record, SyncJobRun
from runs.record_export import ExportFormat, exported
from runs.record_filter import RecordFilter
from runs.spreadsheets import harmless
from tests.runs.records import store

pytestmark = pytest.mark.django_db

TEXTS = st.text(st.sampled_from("=+-@\t\r\n'\",;a\uff1d\uff20") | st.characters(codec="utf-8", exclude_characters="\0"))


def rows_of(run: SyncJobRun, query: str = "") -> Any:
    return RecordFilter.from_params(QueryDict(query), run.integrated_account).queryset()


def table(run: SyncJobRun) -> list[dict[str, str]]:
    text = b"".join(exported(rows_of(run), ExportFormat.CSV)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def lines(run: SyncJobRun, query: str = "") -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(exported(rows_of(run, query), ExportFormat.JSON_LINES)).splitlines()]


def test_json_lines_are_what_the_api_shows_oldest_first(run: SyncJobRun) -> None:
    first, second = store(run, "a", {"n": 1}), store(run, "b", {"n": 2})

    found = lines(run)

    assert [line["id"] for line in found] == [str(first.pk), str(second.pk)]
    assert found[0]["data"] == {"n": 1}
    assert found[0]["created_at"].endswith("Z")


def test_csv_has_a_column_for_each_key_and_nested_values_as_json(run: SyncJobRun) -> None:
    store(run, "a", {"name": "Ada", "tags": ["x", "y"], "age": -5, "none": None})

    (line,) = table(run)

    assert (line["record_id"], line["resource"], line["data.name"]) == ("a", "cities", "Ada")
    assert (line["data.tags"], line["data.age"], line["data.none"], line["data"]) == ('["x","y"]', "-5", "", "")


def test_a_key_that_comes_up_late_is_not_lost(run: SyncJobRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_export, "SAMPLE", 1)
    store(run, "a", {"name": "Ada"})
    store(run, "b", {"name": "Bob", "late": 1})
    store(run, "c", ["no", "object"])

    assert [line["data"] for line in table(run)] == ["", '{"late":1}', '["no","object"]']


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_text_is_a_formula_to_a_spreadsheet(run: SyncJobRun, text: str) -> None:
    store(run, text, {text: text})

    (line,) = table(run)

    assert line["record_id"] == line[f"data.{text}"] == f"'{text}"


def test_lines_and_quotes_within_a_text_stay_within_its_cell(run: SyncJobRun) -> None:
    store(run, "a", {"text": 'one\r\n"two", three'})

    assert table(run)[0]["data.text"] == 'one\r\n"two", three'


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=TEXTS, value=TEXTS)
def test_any_text_comes_back_from_its_cell(run: SyncJobRun, key: str, value: str) -> None:
    Record.objects.all().delete()
    store(run, "a", {key: value})

    (line,) = table(run)

    assert line[f"data.{key}"] == harmless(value)


def test_the_filters_of_the_list_hold(run: SyncJobRun) -> None:
    store(run, "a1", {})
    store(run, "b1", {})
    store(run, "a2", {}, resource="countries")

    assert [line["record_id"] for line in lines(run, "record_id=a&resource=cities")] == ["a1"]


@pytest.mark.parametrize("bound", [("CHUNK", 2), ("CHUNK_BYTES", 1)], ids=["rows", "bytes"])
def test_it_is_read_in_pieces_that_neither_repeat_nor_leave_out(
    run: SyncJobRun, monkeypatch: pytest.MonkeyPatch, bound: tuple[str, int]
) -> None:
    monkeypatch.setattr(record_export, *bound)
    at = store(run, "0", {}).created_at
    for number in range(1, 5):
        Record.objects.filter(pk=store(run, str(number), {}).pk).update(created_at=at)

    with CaptureQueriesContext(connection) as queries:
        found = [line["record_id"] for line in lines(run)]

    assert sorted(found) == ["0", "1", "2", "3", "4"]
    assert len(queries) > 4
