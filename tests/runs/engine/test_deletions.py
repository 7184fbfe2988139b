"""`delete_tracking`: what a full run without errors has not seen is gone; everything else proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Request, Response

from runs.models import EventKind, Record, RunStatus, SeenRecord, SyncJobRun
from tests import factories
from tests.runs.engine.driving import a_run, again, executed, losing_daemons
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

TRACKED: dict[str, Any] = {"resource": "countries", "method": "list", "persist": True, "delete_tracking": "soft"}
SINCE = {"query": {"since": "{{previous_run_date}}"}}
CITIES: dict[str, Any] = {
    "resource": "cities",
    "method": "list",
    "persist": True,
    "delete_tracking": "hard",
    "depends_on": "countries",
    "query": {"country": "{{resources.countries.iso}}"},
}


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(10, 2)) as found:
        yield found


def first_run(source: Source, *entries: dict[str, Any], **over: Any) -> SyncJobRun:
    run = executed(a_run(source, list(entries), **over))
    assert (run.status, run.error_count) == (RunStatus.COMPLETED, 0)
    return run


def drop(source: Source, *codes: str) -> None:
    source.tables["countries"] = [row for row in source.tables["countries"] if row["iso"] not in codes]


def marked() -> list[str]:
    return sorted(Record.objects.exclude(deleted_at=None).values_list("record_id", flat=True))


def told(run: SyncJobRun) -> list[str]:
    return list(run.events.filter(kind=EventKind.DELETIONS).values_list("message", flat=True))


def test_soft_marks_what_is_gone_and_leaves_the_rest_alone(source: Source) -> None:
    first = first_run(source, TRACKED)
    drop(source, "C003", "C004")
    second = again(first)
    assert (marked(), Record.objects.count()) == (["C003", "C004"], 10)
    assert told(second) == ["countries: 2 records are gone at the source, and marked as deleted."]
    gone = Record.objects.get(record_id="C003")
    assert gone.deleted_at is not None
    assert gone.deleted_at == gone.updated_at
    assert (gone.last_run_id, Record.objects.get(record_id="C001").last_run_id) == (second.id, first.id)
    assert SeenRecord.objects.count() == 0


def test_what_is_marked_is_not_marked_again(source: Source) -> None:
    first = first_run(source, TRACKED)
    drop(source, "C003")
    again(first)
    before = Record.objects.get(record_id="C003").deleted_at
    assert told(again(first)) == []
    assert Record.objects.get(record_id="C003").deleted_at == before


def test_a_record_that_comes_back_unchanged_is_unmarked(source: Source) -> None:
    first = first_run(source, TRACKED)
    rows = source.tables["countries"]
    drop(source, "C003")
    again(first)
    source.tables["countries"] = rows
    third = again(first)
    back = Record.objects.get(record_id="C003")
    assert (marked(), back.last_run_id, back.data["iso"]) == ([], third.id, "C003")


def test_hard_removes_what_is_gone(source: Source) -> None:
    first = first_run(source, {**TRACKED, "delete_tracking": "hard"})
    drop(source, "C003")
    assert told(again(first)) == ["countries: 1 record is gone at the source, and removed."]
    assert (Record.objects.count(), Record.objects.filter(record_id="C003").exists()) == (9, False)


def test_nothing_is_touched_when_more_than_half_would_go(source: Source) -> None:
    first = first_run(source, TRACKED)
    drop(source, *(f"C{number:03}" for number in range(6)))
    second = again(first)
    assert told(second) == ["countries: 6 records are gone at the source, more than half of 10: none was touched."]
    assert (second.status, marked()) == (RunStatus.COMPLETED, [])


def test_half_may_go(source: Source) -> None:
    first = first_run(source, TRACKED)
    drop(source, *(f"C{number:03}" for number in range(5)))
    again(first)
    assert len(marked()) == 5


def test_a_run_that_asks_since_a_date_says_nothing_and_a_full_one_does(source: Source) -> None:
    first = first_run(source, {**TRACKED, **SINCE})
    drop(source, "C003")
    second = again(first)
    assert (source.served[-1].query.get("since") is not None, marked(), told(second)) == (True, [], [])
    again(first, ignore_previous_run=True)
    assert marked() == ["C003"]


def test_a_run_with_an_error_says_nothing(source: Source) -> None:
    first = first_run(source, TRACKED)
    drop(source, "C003")
    source.tables["countries"].append({"iso": None, "name": "nowhere"})
    assert (again(first).error_count, marked()) == (1, [])
    source.before = lambda request: Response("no", 404)
    assert (again(first).error_count, marked()) == (1, [])


def test_children_are_gone_only_where_all_parents_were_seen(source: Source) -> None:
    first = first_run(source, {"resource": "countries", "method": "list", **SINCE}, CITIES)
    source.tables["cities"] = source.tables["cities"][1:]
    assert (told(again(first)), Record.objects.count()) == ([], 20)
    again(first, ignore_previous_run=True)
    assert Record.objects.count() == 19


def test_children_of_a_parent_with_an_error_are_not_gone(source: Source) -> None:
    first = first_run(source, {"resource": "countries", "method": "list", "query": {"per_page": 5}}, CITIES)
    source.before = lambda request: Response("no", 404) if request.args.get("page") == "2" else None
    source.tables["countries"] = source.tables["countries"][:9]
    again(first)
    assert Record.objects.count() == 20


def test_records_of_other_resources_and_accounts_stay(source: Source) -> None:
    first = first_run(source, {**TRACKED, "delete_tracking": "hard"}, {**CITIES, "delete_tracking": None})
    globex = factories.account(integration=first.integrated_account.integration, tenant_id="globex")
    executed(factories.run(job=first.sync_job, account=globex))
    drop(source, "C003")
    again(first)
    stored = Record.objects.filter(integrated_account=first.integrated_account)
    assert Record.objects.filter(integrated_account=globex).count() == 30
    assert (stored.filter(resource="cities").count(), stored.filter(resource="countries").count()) == (20, 9)


def test_what_runs_with_other_arguments_have_brought_is_out_of_sight(source: Source) -> None:
    looped = {**TRACKED, "loop_on": "codes", "query": {"iso": "{{args.codes}}"}}
    first = first_run(source, looped, args={"codes": ["C001", "C002", "C003"]})
    again(first, args={"codes": ["C005", "C006"]})
    assert (marked(), Record.objects.count()) == ([], 5)
    drop(source, "C002", "C005")
    again(first, args={"codes": ["C001", "C002", "C003"]})
    assert marked() == ["C002"]


def test_other_arguments_that_an_entry_does_not_use_make_no_difference(source: Source) -> None:
    first = first_run(source, TRACKED, args={"day": 1})
    drop(source, "C003")
    again(first, args={"day": 2})
    assert marked() == ["C003"]


def test_what_another_run_has_brought_meanwhile_stays(source: Source) -> None:
    first = first_run(source, TRACKED)
    drop(source, "C003")

    def reply(request: Request) -> None:
        Record.objects.filter(record_id="C003").update(updated_at=timezone.now() + timedelta(seconds=1))
        connection.close()

    source.before = reply
    again(first)
    assert marked() == []


def test_what_was_seen_survives_lost_daemons(source: Source, settings: Any) -> None:
    settings.SLICE_SECONDS = settings.LINGER_SECONDS = 0
    first = first_run(source, {**TRACKED, "query": {"per_page": 2}})
    drop(source, "C003")
    second = a_run(source, [], job=first.sync_job, account=first.integrated_account)
    source.before = losing_daemons(second, every=3)
    second = executed(second)
    assert second.attempt > 1
    assert (second.status, marked()) == (RunStatus.COMPLETED, ["C003"])
