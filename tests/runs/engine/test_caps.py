"""Each cap of the settings really caps: what was taken before is an error once the setting is lower."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Request, Response

from runs.connectors import Bounds
from runs.engine.caps import bounds
from runs.engine.record_form import StorableRecord, prepared
from runs.engine.runner import execute_slice
from runs.models import Record, RunStatus, SyncJobRun
from tests import factories
from tests.runs.engine.driving import a_run
from tests.sources import Source, json_response, serving

LIST = [{"resource": "things", "method": "list", "persist": True}]
PAGED = {"list": {"path": "/things", "response_path": "data"}}
CURSORS = {"format": "cursor", "config": {"cursor_key": "after", "cursor_path": "next"}}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({}) as found:
        yield found


def run_of(source: Source, answer: Callable[[Request], Response | None], **config: Any) -> SyncJobRun:
    """A run of one list that the source answers so, after a slice."""
    source.before = answer
    return executed(a_run(source, LIST, {"things": PAGED}, config={"pagination": None, **config}))


def again(run: SyncJobRun) -> SyncJobRun:
    return executed(factories.run(job=run.sync_job, account=run.integrated_account, ignore_previous_run=True))


def executed(run: SyncJobRun) -> SyncJobRun:
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    return run


def code_of(run: SyncJobRun) -> str:
    return str(run.record_errors.values_list("code", flat=True).get())


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def page_of(*records: dict[str, Any]) -> Callable[[Request], Response]:
    return lambda request: json_response({"data": records})


def endless(request: Request, records: list[dict[str, Any]]) -> Response:
    """A page with a next one."""
    number = int(request.args.get("after", 0)) + 1
    return json_response({"data": [{**one, "id": number} for one in records], "next": str(number)})


def test_as_they_are_shipped_they_are_those_of_the_connectors() -> None:
    assert bounds() == Bounds()


def test_another_caller_lays_its_own_over_them(settings: Any) -> None:
    settings.PAGE_BYTES = 70_000

    assert (bounds(tries=1).tries, bounds(tries=1).page_bytes) == (1, 70_000)


@pytest.mark.parametrize(
    ("setting", "value", "record", "code"),
    [
        ("RECORD_BYTES", 1_000, {"id": 1, "text": "x" * 1_000}, "too_large"),
        ("RECORD_DEPTH", 5, {"id": 1, "deep": nested(5)}, "too_deep"),
        ("RECORD_DEPTH", 5, {"id": 1, "deep": nested(5), "text": "]"}, "too_deep"),
        ("RECORD_DEPTH", 5, {"id": 1, "deep": nested(5), "huge": 2**80}, "too_deep"),
    ],
)
def test_caps_of_a_record(
    source: Source, settings: Any, setting: str, value: int, record: dict[str, Any], code: str
) -> None:
    answer = page_of(record, {"id": 2})
    run = run_of(source, answer)
    assert run.error_count == 0
    setattr(settings, setting, value)
    run = again(run)

    assert (run.status, run.persisted, code_of(run)) == (RunStatus.COMPLETED, 1, code)
    assert run.record_errors.get().is_quarantine


@pytest.mark.parametrize("setting", ["RECORD_BYTES", "RECORD_DEPTH"])
def test_what_is_just_within_a_cap_is_stored(source: Source, settings: Any, setting: str) -> None:
    settings.RECORD_BYTES, settings.RECORD_DEPTH = 1_000, 5
    record = {"id": 1, "deep": nested(4), "text": "[{" * 300}
    record["text"] = record["text"] + "x" * (1_000 - len(json.dumps(record, separators=(",", ":"))))
    run = run_of(source, lambda request: Response(json.dumps({"data": [record]}, separators=(",", ":"))))

    assert (run.error_count, Record.objects.get().data) == (0, record)


def test_a_record_of_ten_megabytes_is_stored_where_that_is_allowed(source: Source, settings: Any) -> None:
    settings.RECORD_BYTES = 10_000_000
    run = run_of(source, page_of({"id": 1, "text": "x" * 9_900_000}))

    assert (run.error_count, run.persisted) == (0, 1)


def test_a_record_that_was_parsed_is_measured_too(settings: Any) -> None:
    settings.RECORD_DEPTH = 10

    assert isinstance(prepared({"id": 1, "deep": nested(9)}, "id"), StorableRecord)
    assert not isinstance(prepared({"id": 1, "deep": nested(10)}, "id"), StorableRecord)


def test_bytes_of_a_page(source: Source, settings: Any) -> None:
    answer = page_of(*({"id": number, "text": "x" * 1_000} for number in range(70)))
    run = run_of(source, answer)
    assert run.error_count == 0
    settings.PAGE_BYTES = 65_536
    run = again(run)

    assert (run.persisted, code_of(run)) == (0, "too_large")
    assert run.record_errors.get().message == "The page is larger than 65,536 bytes."


def test_pages_of_a_list(source: Source, settings: Any) -> None:
    settings.LIST_PAGES = 4
    run = run_of(source, lambda request: endless(request, [{}]), pagination=CURSORS)

    assert (run.fetched, code_of(run)) == (4, "too_many_pages")


@pytest.mark.parametrize("most", [1, 5])
def test_empty_pages_in_a_row(source: Source, settings: Any, most: int) -> None:
    settings.EMPTY_PAGES = most
    run = run_of(source, lambda request: endless(request, []), pagination=CURSORS)

    assert (len(source.served), code_of(run)) == (most, "empty_pages")


@pytest.mark.parametrize("cap", [1, 4])
def test_lost_daemons_without_progress(source: Source, settings: Any, cap: int) -> None:
    settings.CRASH_CAP = cap
    run = a_run(source, LIST, {"things": PAGED}, config={"pagination": None})
    source.before = page_of({"id": 1})
    for crashes in (cap - 1, cap):
        other = factories.run(job=run.sync_job, account=run.integrated_account, force=True)
        SyncJobRun.objects.filter(id=other.id).update(crashes=crashes)
        assert (executed(other).status == RunStatus.FAILED) is (crashes == cap)


@pytest.mark.parametrize("tries", [1, 2])
def test_tries_of_a_request(source: Source, settings: Any, tries: int) -> None:
    settings.REQUEST_TRIES = tries
    run = run_of(source, lambda request: Response("broken", 500))

    assert (len(source.served), code_of(run)) == (tries, "http_500")


def test_the_time_for_tries(source: Source, settings: Any) -> None:
    settings.RETRY_SECONDS = 0
    run = run_of(source, lambda request: Response("broken", 500))

    assert (len(source.served), code_of(run)) == (1, "http_500")


@pytest.mark.parametrize("most", [60, 7_200])
def test_the_longest_wait_that_a_source_may_ask_for(source: Source, settings: Any, most: int) -> None:
    settings.LONGEST_WAIT_SECONDS = most
    run = run_of(source, lambda request: Response("later", 429, {"Retry-After": "9" * 30}))

    assert run.resume_at is not None
    assert abs(run.resume_at - timezone.now() - timedelta(seconds=most)) < timedelta(seconds=10)


def test_a_wait_within_the_run(source: Source, settings: Any) -> None:
    settings.INLINE_WAIT_SECONDS = 0
    run = run_of(source, lambda request: Response("later", 429, {"Retry-After": "1"}))

    assert (run.status, run.lease_token, len(source.served)) == (RunStatus.RUNNING, None, 1)


def test_the_time_of_a_page(source: Source, settings: Any) -> None:
    settings.PAGE_SECONDS, settings.REQUEST_TRIES = 1, 1
    over = threading.Event()
    run = run_of(source, lambda request: over.wait(20) and None)
    over.set()

    assert code_of(run) == "timeout"


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize(
    ("name", "shown"),
    [("lock_timeout", "5s"), ("statement_timeout", "1min"), ("idle_in_transaction_session_timeout", "30s")],
)
def test_the_database_has_the_time_limits(name: str, shown: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        assert cursor.fetchone() == (shown,)
