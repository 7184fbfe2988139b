"""The log of a run: two tables read as one list, in pieces."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from django.http import QueryDict
from pytest_django import DjangoAssertNumQueries

from runs.models import EventKind, RecordError, RunEvent, SyncJobRun
from runs.run_log import AHEAD, LogFilter, LogLine, RunLog, Severity
from tests import factories
from tests.runs.long_log import write_log


def event(run: SyncJobRun, kind: EventKind, message: str = "It happened.") -> RunEvent:
    return RunEvent.objects.create(run=run, kind=kind, message=message)


def error(run: SyncJobRun, message: str = "It broke.", **over: object) -> RecordError:
    step = run.steps.first()
    values = {"run": run, "step": step, "resource": "cities", "method": "list", "code": "http_error"}
    return RecordError.objects.create(**{**values, "message": message, **over})


def messages(lines: list[LogLine]) -> list[str]:
    return [line.message for line in lines]


def wanted(query: str) -> LogFilter:
    return LogFilter.from_params(QueryDict(query))


def pages_back(log: RunLog, limit: int) -> list[list[LogLine]]:
    """From the end of the log to its beginning."""
    cursor, found = None, []
    while True:
        page = log.page(cursor, limit)
        found.append(page.lines)
        cursor = page.earlier
        if cursor is None:
            return found


class TestPages:
    def test_tell_events_and_errors_in_the_order_of_time(self, run: SyncJobRun) -> None:
        event(run, EventKind.STARTED, "one")
        error(run, "two")
        event(run, EventKind.FAILED, "three")
        page = RunLog(run).page()
        assert messages(page.lines)[1:] == ["one", "two", "three"]
        assert (page.earlier, page.later) == (None, None)

    def test_begin_with_the_last_lines_and_lead_back_to_the_first_without_a_gap(self, run: SyncJobRun) -> None:
        write_log(run, events=90, errors=70)
        lines = [line for page in reversed(pages_back(RunLog(run), 13)) for line in page]
        assert len({line.id for line in lines}) == len(lines) == 161
        assert all((a.created_at, a.id) < (b.created_at, b.id) for a, b in pairwise(lines))

    def test_lead_forth_again_to_the_same_lines(self, run: SyncJobRun) -> None:
        write_log(run, events=40, errors=40)
        log = RunLog(run)
        newest = log.page(None, 20)
        older = log.page(newest.earlier, 20)
        assert messages(log.page(older.later, 20).lines) == messages(newest.lines)

    def test_are_not_moved_by_lines_that_arrive_meanwhile(self, run: SyncJobRun) -> None:
        write_log(run, events=30, errors=0)
        log = RunLog(run)
        first = log.page(None, 10)
        expected = messages(log.page(first.earlier, 10).lines)
        error(run, created_at=run.created_at)
        assert messages(log.page(first.earlier, 10).lines) == expected

    def test_show_the_end_for_a_cursor_that_is_not_ours(self, run: SyncJobRun) -> None:
        assert messages(RunLog(run).page("odd").lines) == messages(RunLog(run).page().lines)

    def test_cost_two_queries_however_long_the_log_is(
        self, run: SyncJobRun, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        write_log(run, events=500, errors=500)
        with django_assert_num_queries(2):
            assert len(RunLog(run).page().lines) == 200

    def test_have_only_the_start_of_a_long_message(self, run: SyncJobRun) -> None:
        error(run, "x" * 100_000)
        assert len(RunLog(run).page().lines[-1].message) < 300

    def test_of_another_run_are_not_shown(self, run: SyncJobRun) -> None:
        other = factories.run(account=run.integrated_account, job=run.sync_job, args={"other": 1})
        error(other, "elsewhere")
        assert "elsewhere" not in messages(RunLog(run).page().lines)


class TestFilter:
    def test_of_a_level_has_that_and_what_is_worse(self, run: SyncJobRun) -> None:
        event(run, EventKind.RATE_LIMITED, "slow")
        event(run, EventKind.WORKER_LOST, "lost")
        error(run, "broken")
        assert messages(RunLog(run, wanted("level=warning")).page().lines) == ["slow", "lost", "broken"]
        assert messages(RunLog(run, wanted("level=error")).page().lines) == ["lost", "broken"]

    @pytest.mark.parametrize("text", ["BROK", "countr", "DE-7", "mapping_f", "418"])
    def test_finds_a_text_wherever_it_stands(self, run: SyncJobRun, text: str) -> None:
        error(run, "nothing like it")
        error(run, "broken", resource="countries", record_id="DE-7", code="mapping_failed", status_code=418)
        assert messages(RunLog(run, wanted(f"q={text}")).page().lines) == ["broken"]

    @pytest.mark.parametrize("text", ["100%", "a_b", "'; --", '"'])
    def test_takes_signs_as_what_they_are(self, run: SyncJobRun, text: str) -> None:
        error(run, "100x of axb")
        error(run, f"it says {text} here")
        assert messages(RunLog(run, LogFilter(text=text)).page().lines) == [f"it says {text} here"]

    def test_tells_what_it_can_not_read_and_leaves_it_out(self, run: SyncJobRun) -> None:
        odd = wanted("level=loud&q=%00")
        assert set(odd.errors) == {"level", "q"}
        assert len(RunLog(run, odd).page().lines) == 1

    def test_says_itself_as_an_address(self) -> None:
        assert wanted("level=error&q=a%26b").query == "level=error&q=a%26b"
        assert wanted("level=info&q=+").query == ""


class TestSearch:
    def test_asks_before_it_goes_on_and_then_finds_the_rest(self, run: SyncJobRun) -> None:
        write_log(run, events=100, errors=100)
        log = RunLog(run, LogFilter(text="7 x"), reach=30)
        pages = []
        cursor = None
        for _ in range(20):
            page = log.page(cursor)
            pages.append(page)
            cursor = page.earlier
            if cursor is None:
                break
        assert pages[0].searched_back_to is not None
        assert len(pages) > 3
        found = [line.message.split(" x")[0] for page in pages for line in page.lines]
        assert sorted(found) == sorted(f"{kind} {n}" for kind in ("event", "error") for n in range(7, 100, 10))

    def test_keeps_the_order_of_time_where_one_table_is_denser(self, run: SyncJobRun) -> None:
        write_log(run, events=10, errors=400)
        log, cursor, seen = RunLog(run, LogFilter(text="x"), reach=50), None, []
        for _ in range(40):
            page = log.page(cursor, 20)
            seen = page.lines + seen
            cursor = page.earlier
            if cursor is None:
                break
        assert len(seen) == 410
        assert seen == sorted(seen, key=lambda line: (line.created_at, line.id))


class TestPlace:
    def test_of_a_line_is_shown_with_a_little_of_what_was_before(self, run: SyncJobRun) -> None:
        write_log(run, events=60, errors=60)
        line = RunLog(run).page(None, 60).lines[5]
        around = RunLog(run).around(line.id)
        assert around is not None
        assert [found.id for found in around.lines].index(line.id) == AHEAD - 1
        assert around.earlier is not None

    def test_of_the_first_line_is_the_beginning(self, run: SyncJobRun) -> None:
        first = run.events.get()
        write_log(run, events=10, errors=0)
        around = RunLog(run).around(first.id)
        assert around is not None
        assert around.lines[0].id == first.id

    @pytest.mark.parametrize("line_id", [uuid4()])
    def test_of_no_line_is_none(self, run: SyncJobRun, line_id: UUID) -> None:
        assert RunLog(run).around(line_id) is None

    def test_of_the_first_error_is_found_in_either_table(self, run: SyncJobRun) -> None:
        assert RunLog(run).first_error() is None
        event(run, EventKind.STARTED)
        lost = event(run, EventKind.WORKER_LOST)
        error(run)
        assert RunLog(run).first_error() == lost.id


class TestSince:
    def test_are_the_lines_from_then_on(self, run: SyncJobRun) -> None:
        earlier = error(run, "earlier")
        error(run, "later", created_at=earlier.created_at)
        RecordError.objects.filter(message="later").update(created_at=earlier.created_at + timedelta(seconds=5))
        assert messages(RunLog(run).since(earlier.created_at + timedelta(seconds=1), 10)) == ["later"]

    def test_follow_the_filter(self, run: SyncJobRun) -> None:
        event(run, EventKind.STARTED)
        error(run, "broken")
        assert messages(RunLog(run, wanted("level=error")).since(run.created_at, 10)) == ["broken"]


class TestWhole:
    def test_has_every_line_once_with_all_it_says(self, run: SyncJobRun) -> None:
        write_log(run, events=50, errors=70, length=2_000)
        lines = list(RunLog(run).whole(chunk=16))
        assert len({line.id for line in lines}) == len(lines) == 121
        assert lines == sorted(lines, key=lambda line: (line.created_at, line.id))
        assert len(lines[-1].message) > 2_000

    def test_of_a_record_error_has_address_and_answer(self, run: SyncJobRun) -> None:
        error(run, url="https://api.example.org/x", excerpt="<html>")
        line = list(RunLog(run).whole())[-1]
        assert (line.url, line.excerpt, line.severity) == ("https://api.example.org/x", "<html>", Severity.ERROR)
