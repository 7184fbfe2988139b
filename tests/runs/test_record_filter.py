"""The list of an account's records: its filters, its pages, and which resources it has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from runs import record_filter
from runs.models import Record, SyncJobRun
from runs.models.base import uuid7
from runs.record_filter import RecordFilter
from tests import factories
from tests.runs.records import store

pytestmark = pytest.mark.django_db


def filtered(run: SyncJobRun, query: str = "") -> RecordFilter:
    return RecordFilter.from_params(QueryDict(query), run.integrated_account)


def ids(run: SyncJobRun, query: str = "") -> list[str]:
    return [row.record_id for row in filtered(run, query).page(None).rows]


def test_what_changed_last_stands_first(run: SyncJobRun) -> None:
    now = timezone.now()
    for minutes in (2, 1, 3):
        store(run, str(minutes), {}, updated_at=now - timedelta(minutes=minutes))

    assert ids(run) == ["1", "2", "3"]


def test_pages_lead_both_ways(run: SyncJobRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_filter, "LIMIT", 2)
    for number in range(5):
        store(run, str(number), {})
    filters = filtered(run)

    first = filters.page(None)
    second = filters.page(first.next_cursor)
    back = filters.page(second.previous_cursor)

    assert [[row.record_id for row in page.rows] for page in (first, second, back)] == [
        ["4", "3"],
        ["2", "1"],
        ["4", "3"],
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("record_id=ab", ["ab", "abc"]),
        ("record_id=abc", ["abc"]),
        ("record_id=AB", ["ABx"]),
        ("record_id=%25", ["%"]),
        ("record_id=ab&resource=countries", []),
        ("record_id=b", []),
    ],
)
def test_an_id_is_found_by_its_beginning(run: SyncJobRun, query: str, found: list[str]) -> None:
    for record_id in ("abc", "ab", "ABx", "%"):
        store(run, record_id, {})

    assert ids(run, query) == found


def test_a_beginning_that_many_ids_have_shows_some_and_says_so(
    run: SyncJobRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_filter, "LIMIT", 2)
    for number in range(3):
        store(run, f"a{number}", {})
    filters = filtered(run, "record_id=a")

    page = filters.page(None)

    assert (len(page.rows), page.next_cursor) == (2, None)
    assert "more than 2" in filters.errors["record_id"]


def test_since_means_changed_at_or_after(run: SyncJobRun) -> None:
    now = timezone.now()
    store(run, "old", {}, updated_at=now - timedelta(days=3))
    store(run, "new", {}, updated_at=now)

    assert ids(run, f"since={(now - timedelta(days=1)).date()}") == ["new"]


@pytest.mark.parametrize(
    ("query", "name"), [("since=soon", "since"), (f"record_id={'x' * 600}", "record_id"), ("resource=%00", "resource")]
)
def test_what_cannot_be_read_is_told_and_filters_nothing(run: SyncJobRun, query: str, name: str) -> None:
    store(run, "a", {})
    filters = filtered(run, query)

    assert list(filters.errors) == [name]
    assert filters.queryset().count() == 1


def test_a_bad_cursor_gives_the_first_page_and_says_so(run: SyncJobRun) -> None:
    store(run, "a", {})
    filters = filtered(run)

    assert len(filters.page("odd").rows) == 1
    assert "cursor" in filters.errors


def test_the_list_reads_sizes_and_no_data(run: SyncJobRun) -> None:
    store(run, "a", {"text": "x" * 5000})

    (row,) = filtered(run).page(None).rows

    assert row.stored_size > 20
    assert "data" in row.get_deferred_fields()


class TestResources:
    def test_of_an_account_are_those_it_has_records_of(self, run: SyncJobRun) -> None:
        other = factories.run(account=factories.account(tenant_id="other", integration=run.sync_job.integration))
        store(other, "a", {}, resource="others")
        for number, resource in enumerate(["b", "a", "b", "crm/contacts"]):
            store(run, str(number), {}, resource=resource)

        assert Record.objects.resources_of(run.integrated_account) == ["a", "b", "crm/contacts"]

    def test_of_an_account_without_records_are_none(self, run: SyncJobRun) -> None:
        assert Record.objects.resources_of(run.integrated_account) == []


@pytest.mark.only_on("postgresql")
def test_the_beginning_of_an_id_is_found_by_the_index_in_any_locale(run: SyncJobRun) -> None:
    like = store(run, "first", {})
    others = [Record(**{**vars_of(like), "id": uuid7(), "record_id": str(number)}) for number in range(3000)]
    Record.objects.bulk_create(others)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE runs_record")

    plan = filtered(run, "record_id=123&resource=cities").queryset().order_by().explain()

    assert "record_once" in plan
    assert "~>=~" in plan


def vars_of(record: Record) -> dict[str, Any]:
    return {field.attname: getattr(record, field.attname) for field in Record._meta.concrete_fields}
