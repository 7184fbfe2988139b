"""A list read page by page shows every row once, whatever arrives meanwhile."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import pytest
import time_machine
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.keyset import BY_ID, KEYS, BadCursor, Keys, ListOrder, keyset_page, merged_page
from runs.models import AuditEntry, Environment, RunEvent, SyncJobRun
from tests import factories
from tests.runs import rows

pytestmark = pytest.mark.django_db


def pages_from(cursor: str | None, limit: int) -> list[list[SyncJobRun]]:
    found = []
    while True:
        page = keyset_page(SyncJobRun.objects.all(), cursor, limit)
        found.append(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return found


def rows_from(cursor: str | None, limit: int) -> list[SyncJobRun]:
    return list(chain.from_iterable(pages_from(cursor, limit)))


def ids(runs: list[SyncJobRun]) -> list[str]:
    return [str(run.id) for run in runs]


def test_the_newest_row_comes_first_and_the_last_page_has_no_next_cursor() -> None:
    made = rows.runs(7)
    pages = pages_from(None, 3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert ids(list(chain.from_iterable(pages))) == ids(made[::-1])


def test_a_list_that_ends_with_a_full_page_has_no_empty_page_after_it() -> None:
    rows.runs(6)
    assert [len(page) for page in pages_from(None, 3)] == [3, 3]


def test_an_empty_list_has_no_cursors() -> None:
    page = keyset_page(SyncJobRun.objects.all(), None, 3)
    assert (page.rows, page.next_cursor, page.previous_cursor) == ([], None, None)


def test_rows_of_the_same_instant_are_told_apart_by_their_ids() -> None:
    made = rows.runs(25, step=timedelta(0))
    seen = ids(rows_from(None, 4))
    assert len(seen) == len(set(seen)) == 25
    assert set(seen) == set(ids(made))


def test_going_back_shows_the_page_that_was_left() -> None:
    rows.runs(10)
    first = keyset_page(SyncJobRun.objects.all(), None, 4)
    second = keyset_page(SyncJobRun.objects.all(), first.next_cursor, 4)
    third = keyset_page(SyncJobRun.objects.all(), second.next_cursor, 4)
    back = keyset_page(SyncJobRun.objects.all(), third.previous_cursor, 4)
    assert ids(back.rows) == ids(second.rows)
    top = keyset_page(SyncJobRun.objects.all(), back.previous_cursor, 4)
    assert ids(top.rows) == ids(first.rows)
    assert top.previous_cursor is None
    assert keyset_page(SyncJobRun.objects.all(), top.next_cursor, 4).rows == second.rows


def test_500_rows_inserted_between_two_pages_neither_repeat_nor_hide_one() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    old = rows.runs(120, integrated_account=account, sync_job=job)
    first = keyset_page(SyncJobRun.objects.all(), None, 50)
    rows.runs(500, integrated_account=account, sync_job=job, start=rows.NOON + timedelta(hours=1))
    rest = rows_from(first.next_cursor, 50)
    assert ids(first.rows + rest) == ids(old[::-1])


def test_new_rows_are_found_by_going_back_from_the_first_page() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    rows.runs(6, integrated_account=account, sync_job=job)
    second = keyset_page(SyncJobRun.objects.all(), keyset_page(SyncJobRun.objects.all(), None, 3).next_cursor, 3)
    late = rows.runs(4, integrated_account=account, sync_job=job, start=rows.NOON + timedelta(hours=1))
    back = keyset_page(SyncJobRun.objects.all(), second.previous_cursor, 3)
    newest = keyset_page(SyncJobRun.objects.all(), back.previous_cursor, 4)
    assert ids(newest.rows) == ids(late[::-1])


@pytest.mark.parametrize(
    "cursor",
    [
        "junk",
        "\0",
        "a:b:c",
        signing.dumps(["older", "2026-11-24T12:00:00+00:00", "0" * 32], salt="another use"),
        pytest.param(None, id="a changed letter"),
    ],
)
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str | None) -> None:
    rows.runs(3)
    given = keyset_page(SyncJobRun.objects.all(), None, 1).next_cursor
    assert given is not None
    changed = ("A" if given[0] != "A" else "B") + given[1:]
    with pytest.raises(BadCursor):
        keyset_page(SyncJobRun.objects.all(), cursor or changed, 1)


def test_a_page_takes_one_query_whatever_its_place() -> None:
    rows.runs(9)
    cursor = keyset_page(SyncJobRun.objects.all(), None, 3).next_cursor
    with CaptureQueriesContext(
        connection,
    ) as queries:
        keyset_page(SyncJobRun.objects.all(), cursor, 3)
    assert len(queries) == 1
    assert "OFFSET" not in queries[0]["sql"]


class TestTextKeys:
    """Lists by name: the key is a text, in the order that the database has for texts."""

    def walk(self, order: ListOrder) -> list[str]:
        seen, cursor = [], None
        while True:
            page = keyset_page(Environment.objects.all(), cursor, 3, ("name", "id"), order)
            seen += [row.name for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                return seen

    def test_lead_through_the_list_in_both_orders(self) -> None:
        for name in ("=1", "b", "a", "ä", "Z", "", "2026-01-01T00:00:00", "same", "c" * 90):
            Environment.objects.create(name=name)
        forwards = self.walk(ListOrder.OLDEST_FIRST)
        assert len(forwards) == len(set(forwards)) == 9
        assert self.walk(ListOrder.NEWEST_FIRST) == forwards[::-1]

    def test_their_cursors_are_of_no_other_list(self) -> None:
        for number in range(4):
            Environment.objects.create(name=f"{number}")
        cursor = keyset_page(Environment.objects.all(), None, 2, ("name", "id")).next_cursor
        with pytest.raises(BadCursor):
            keyset_page(Environment.objects.all(), cursor, 2)
        cursor = keyset_page(Environment.objects.all(), None, 2).next_cursor
        with pytest.raises(BadCursor):
            keyset_page(Environment.objects.all(), cursor, 2, ("name", "id"))


class TestIdsAlone:
    """Lists of rows whose ids are drawn in the order of creation."""

    def walk(self, order: ListOrder) -> list[str]:
        seen: list[SyncJobRun] = []
        page = keyset_page(SyncJobRun.objects.all(), None, 3, BY_ID, order)
        while page.next_cursor is not None:
            seen += page.rows
            page = keyset_page(SyncJobRun.objects.all(), page.next_cursor, 3, BY_ID, order)
        return ids([*seen, *page.rows])

    def test_lead_through_the_list_in_both_orders(self) -> None:
        made = sorted(ids(rows.runs(7)))
        assert self.walk(ListOrder.OLDEST_FIRST) == made
        assert self.walk(ListOrder.NEWEST_FIRST) == made[::-1]

    def test_lead_back(self) -> None:
        rows.runs(7)
        first = keyset_page(SyncJobRun.objects.all(), None, 3, BY_ID)
        second = keyset_page(SyncJobRun.objects.all(), first.next_cursor, 3, BY_ID)
        assert keyset_page(SyncJobRun.objects.all(), second.previous_cursor, 3, BY_ID).rows == first.rows

    @pytest.mark.parametrize(("given_by", "given_to"), [(KEYS, BY_ID), (BY_ID, KEYS)])
    def test_their_cursors_are_of_no_other_list(self, given_by: Keys, given_to: Keys) -> None:
        rows.runs(3)
        cursor = keyset_page(SyncJobRun.objects.all(), None, 2, given_by).next_cursor
        with pytest.raises(BadCursor):
            keyset_page(SyncJobRun.objects.all(), cursor, 2, given_to)


class TestMergedStreams:
    def test_are_one_stream_in_which_equal_times_are_told_apart_by_id(self) -> None:
        run = factories.run()
        at = timezone.now()
        for number in range(11):
            RunEvent.objects.create(run=run, kind="started", message=f"{number}")
            with time_machine.travel(at, tick=False):
                AuditEntry.objects.create(action=f"n.{number}")
        RunEvent.objects.update(created_at=at)
        streams = [RunEvent.objects.all(), AuditEntry.objects.all()]
        seen, cursor = [], None
        while True:
            page = merged_page(streams, cursor, 4)
            seen += [row.pk for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        expected = [*RunEvent.objects.values_list("pk", flat=True), *AuditEntry.objects.values_list("pk", flat=True)]
        assert seen == sorted(expected, reverse=True)
