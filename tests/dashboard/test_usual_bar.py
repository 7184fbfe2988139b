"""The thin bar under a duration of the run list: how long a run took against what is usual for it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.usual_bar import WIDTH, UsualBar, usual_bar
from runs.habits import Usual
from runs.models import RunHabit, RunStatus, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.test_live_lines import counted, poll
from tests.dashboard.test_run_list import line

MINUTE = timedelta(minutes=1)
USUAL = Usual(20, 5 * MINUTE, 4 * MINUTE, 6 * MINUTE, 8 * MINUTE, fetched=100)


def bar_of(took: timedelta, usual: Usual = USUAL, run: SyncJobRun | None = None) -> UsualBar:
    bar = usual_bar(run or SyncJobRun(status=RunStatus.COMPLETED), took, usual)
    assert bar is not None
    return bar


class TestDrawing:
    def test_ends_where_the_band_does_at_the_longest_usual_time(self) -> None:
        bar = bar_of(6 * MINUTE)
        assert (bar.length, bar.band_from, bar.band_to) == (32, 20, 32)

    @pytest.mark.parametrize(
        ("took", "length", "is_cut"),
        [
            (timedelta(), 2, False),
            (3 * MINUTE, 16, False),
            (9 * MINUTE, WIDTH, False),
            (timedelta(days=9), WIDTH, True),
        ],
        ids=["at once", "half", "as long as is drawn", "far longer"],
    )
    def test_is_there_at_least_and_cut_beyond_its_width(self, took: timedelta, length: int, is_cut: bool) -> None:
        bar = bar_of(took)
        assert (bar.length, bar.is_cut, bar.outline.count("M")) == (length, is_cut, 2 if is_cut else 1)

    def test_has_a_band_to_be_seen_where_all_take_the_same(self) -> None:
        same = Usual(20, MINUTE, MINUTE, MINUTE, MINUTE, fetched=1)
        assert bar_of(MINUTE, same).band == 2

    def test_is_none_where_nothing_can_be_compared(self, run: SyncJobRun) -> None:
        at_once = Usual(20, timedelta(), timedelta(), timedelta(), timedelta(), fetched=0)
        assert [usual_bar(run, *of) for of in ((None, USUAL), (MINUTE, None), (MINUTE, at_once))] == [None] * 3

    def test_is_over_the_limit_of_now_while_the_run_is_live(self, run: SyncJobRun) -> None:
        states.running(run)
        assert [bar_of(minutes * MINUTE, run=run).exceeds for minutes in (8, 9)] == [None, 8 * MINUTE]

    def test_is_over_the_limit_that_was_once_it_has_ended(self) -> None:
        slow = SyncJobRun(status=RunStatus.COMPLETED, usual_limit=MINUTE)
        assert bar_of(3 * MINUTE, run=slow).exceeds == MINUTE
        assert bar_of(99 * MINUTE).exceeds is None


class TestLine:
    def test_tells_the_usual_in_words(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        factories.habit(run)
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "<title>Usually 4\u20136 min</title>" in row
        assert 'class="bar"' in row
        assert "style=" not in row

    def test_has_none_under_five_samples_or_before_the_start(self, viewer: Client, run: SyncJobRun) -> None:
        habit = factories.habit(run)
        assert 'class="usual"' not in line(viewer.get("/runs/").content.decode(), run)
        states.ended(run, RunStatus.COMPLETED)
        assert 'class="usual"' in line(viewer.get("/runs/").content.decode(), run)
        RunHabit.objects.filter(pk=habit.pk).update(sample_count=4)
        assert 'class="usual"' not in line(viewer.get("/runs/").content.decode(), run)

    def test_of_a_slow_run_says_so_and_it_stays_completed(self, viewer: Client, run: SyncJobRun) -> None:
        factories.habit(run)
        states.ended(run, RunStatus.COMPLETED, usual_limit=MINUTE)
        row = line(viewer.get("/runs/?slow=yes").content.decode(), run)
        assert "<title>Longer than usual: 95 in 100 take at most 1m 0s</title>" in row
        assert ">longer than usual</span>" in row
        assert 'class="mark completed"' in row
        assert str(run.pk) not in viewer.get("/runs/?slow=no").content.decode()

    def test_costs_one_query_for_all(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        factories.habit(run)
        viewer.get("/runs/")
        for count in (1, 8):
            for _ in range(count):
                account = factories.account(integration=run.integrated_account.integration, tenant_id="other")
                other = factories.run(job=factories.job(integration=account.integration), account=account)
                factories.habit(states.ended(other, RunStatus.COMPLETED))
            with CaptureQueriesContext(connection) as queries:
                page = viewer.get("/runs/").content.decode()
            assert page.count('class="usual"') == RunHabit.objects.count()
            assert sum("runs_runhabit" in query["sql"] for query in queries) == 1


class TestLive:
    @pytest.fixture
    def at_work(self, run: SyncJobRun) -> SyncJobRun:
        factories.habit(run)
        return states.running(run, started_at=timezone.now() - MINUTE)

    def test_is_sent_when_it_has_grown(self, viewer: Client, at_work: SyncJobRun) -> None:
        counted(viewer)
        page = viewer.get("/runs/")
        assert 'class="bar running"' in line(page.content.decode(), at_work)
        assert poll(viewer, page).status_code == 204
        states.change(at_work, started_at=timezone.now() - 3 * MINUTE)
        row = line(poll(viewer, page).content.decode(), at_work)
        assert re.search(r'class="bar running" d="M0 1h16v', row)

    def test_is_sent_when_the_run_takes_longer_than_usual(self, viewer: Client, at_work: SyncJobRun) -> None:
        page = viewer.get("/runs/")
        states.change(at_work, started_at=timezone.now() - 20 * MINUTE)
        row = line(poll(viewer, page).content.decode(), at_work)
        assert 'class="bar warned"' in row
        assert 'title="95 in 100 take at most 8m 0s">longer than usual</span>' in row
