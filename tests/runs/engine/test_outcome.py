"""What the end of a run leaves behind: habits, warnings, and failures that are settled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Request, Response

from runs.engine.claim import Claim, claim
from runs.models import (
    AccountFreshness,
    CronTrigger,
    Ending,
    EventKind,
    JobFreshness,
    RunHabit,
    RunMode,
    RunStatus,
    SyncJobRun,
)
from runs.services import request_stop
from tests import factories
from tests.runs.engine.driving import a_run, again, executed
from tests.sources import Source, countries_and_cities, serving

HOUR = timedelta(hours=1)


def taken(run: SyncJobRun) -> Claim:
    found = claim(run.id, "d1")
    assert found is not None
    return found


def finished(run: SyncJobRun, status: RunStatus = RunStatus.COMPLETED, *, seconds: int = 0) -> SyncJobRun:
    """The run, ended by the daemon that has held it for so long."""
    holder = taken(run)
    if seconds:
        SyncJobRun.objects.filter(id=run.id).update(started_at=timezone.now() - timedelta(seconds=seconds))
    assert holder.finish(status, "It ended.")
    run.refresh_from_db()
    return run


def another(run: SyncJobRun, **over: Any) -> SyncJobRun:
    return factories.run(job=run.sync_job, account=run.integrated_account, **over)


def at(run: SyncJobRun, ago: timedelta) -> SyncJobRun:
    SyncJobRun.objects.filter(id=run.id).update(created_at=timezone.now() - ago)
    run.refresh_from_db()
    return run


def is_open(run: SyncJobRun) -> bool:
    run.refresh_from_db()
    assert run.is_unsettled == SyncJobRun.objects.unsettled().filter(id=run.id).exists()
    return run.is_unsettled


class TestHabit:
    def test_of_completed_runs_is_kept(self, run: SyncJobRun) -> None:
        for seconds in (10, 20, 30):
            finished(another(run, args={"n": seconds}), seconds=seconds)
        habit = RunHabit.objects.get()
        assert (habit.sync_job, habit.integrated_account, habit.mode) == (
            run.sync_job, run.integrated_account, RunMode.FULL,
        )  # fmt: skip
        assert (habit.sample_count, round(habit.median_seconds), round(habit.p95_seconds)) == (3, 20, 30)

    def test_is_none_of_failed_and_stopped_runs(self, run: SyncJobRun) -> None:
        finished(run, RunStatus.FAILED)
        finished(another(run), RunStatus.STOPPED)
        assert not RunHabit.objects.exists()

    def test_forgets_what_is_older_than_the_last_twenty_runs(self, run: SyncJobRun) -> None:
        finished(another(run, args={"n": -1}), seconds=5000)
        for number in range(20):
            finished(another(run, args={"n": number}), seconds=10)
        habit = RunHabit.objects.get()
        assert (habit.sample_count, round(habit.p95_seconds), len(habit.samples)) == (20, 10, 20)

    @pytest.mark.django_db(transaction=True)
    def test_of_runs_that_end_together_loses_none(self) -> None:
        run = factories.run()
        holders = [taken(another(run, args={"n": number})) for number in range(8)]
        start, ended = threading.Barrier(8), []

        def end(holder: Claim) -> None:
            start.wait()
            try:
                ended.append(holder.finish(RunStatus.COMPLETED, "It ended."))
            finally:
                connection.close()

        threads = [threading.Thread(target=end, args=(holder,)) for holder in holders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ended == [True] * 8
        assert RunHabit.objects.get().sample_count == 8


class TestSlow:
    @pytest.fixture
    def regular(self, run: SyncJobRun) -> SyncJobRun:
        """The last of five runs that took from 10 to 14 seconds each."""
        runs = [finished(run, seconds=10), *(finished(another(run), seconds=10 + number) for number in range(1, 5))]
        assert [one.usual_limit for one in runs] == [None] * 5
        return runs[-1]

    @pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED])
    def test_is_a_run_that_took_longer_than_usual_however_it_ended(
        self, regular: SyncJobRun, status: RunStatus
    ) -> None:
        slow = finished(another(regular), status, seconds=60)
        assert slow.usual_limit is not None
        assert (slow.status, slow.warning, round(slow.usual_limit.total_seconds())) == (status, "", 14)
        assert is_open(slow) == (status == RunStatus.FAILED)

    def test_is_told_by_what_was_usual_before_it(self, regular: SyncJobRun) -> None:
        slow = finished(another(regular), seconds=60)
        assert round(RunHabit.objects.get().p95_seconds) == 60
        assert slow.usual_limit is not None
        assert finished(another(regular), seconds=30).usual_limit is None

    def test_is_none_within_the_usual_or_without_enough_samples(self, run: SyncJobRun, regular: SyncJobRun) -> None:
        assert finished(another(regular), seconds=11).usual_limit is None
        alone = factories.run(
            account=factories.account(integration=run.integrated_account.integration), job=run.sync_job
        )
        assert finished(alone, seconds=5000).usual_limit is None

    def test_is_none_that_never_started(self, regular: SyncJobRun) -> None:
        assert request_stop(another(regular)).usual_limit is None


class TestFailure:
    def test_is_settled_by_a_later_completed_run(self, run: SyncJobRun) -> None:
        finished(run, RunStatus.FAILED)
        assert is_open(run)
        finished(another(run))
        assert not is_open(run)
        assert run.superseded_at is not None

    def test_is_settled_by_a_later_failure_which_is_then_the_open_one(self, run: SyncJobRun) -> None:
        finished(run, RunStatus.FAILED)
        later = finished(another(run), RunStatus.FAILED)
        assert (is_open(run), is_open(later)) == (False, True)

    def test_is_not_settled_by_a_stopped_run_or_one_of_other_args(self, run: SyncJobRun) -> None:
        finished(run, RunStatus.FAILED)
        finished(another(run), RunStatus.STOPPED)
        finished(another(run, args={"brand": "other"}))
        assert is_open(run)

    def test_that_comes_after_a_later_run_has_completed_is_settled_at_once(self, run: SyncJobRun) -> None:
        holder = taken(at(run, HOUR))
        finished(another(run, force=True))
        assert holder.finish(RunStatus.FAILED, "Too late.")
        assert not is_open(run)

    def test_is_not_settled_by_an_earlier_run_that_ends_later(self, run: SyncJobRun) -> None:
        holder = taken(at(run, HOUR))
        later = finished(another(run, force=True), RunStatus.FAILED)
        assert holder.finish(RunStatus.COMPLETED, "Late, and of old.")
        assert is_open(later)

    def test_that_a_person_keeps_open_stays(self, run: SyncJobRun) -> None:
        finished(run, RunStatus.FAILED)
        SyncJobRun.objects.filter(id=run.id).update(keep_open=True)
        finished(another(run))
        assert is_open(run)


class TestSchedule:
    def test_awaits_no_run_once_one_has_completed(self, run: SyncJobRun) -> None:
        trigger = factories.trigger(job=run.sync_job, account=run.integrated_account)
        CronTrigger.objects.update(completion_due_at=timezone.now())
        finished(run, RunStatus.FAILED)
        trigger.refresh_from_db()
        assert trigger.completion_due_at is not None
        finished(another(run))
        trigger.refresh_from_db()
        assert trigger.completion_due_at is None


@pytest.mark.django_db(transaction=True)
class TestWarning:
    @pytest.fixture
    def source(self) -> Iterator[Source]:
        with serving(countries_and_cities(12, 2)) as found:
            yield found

    @pytest.fixture
    def regular(self, source: Source) -> SyncJobRun:
        """The last of five runs that were all alike."""
        run = executed(a_run(source, factories.COUNTRIES_AND_CITIES, ignore_previous_run=True))
        for _ in range(4):
            run = again(run, ignore_previous_run=True)
        assert (run.warning, run.mode, RunHabit.objects.get().sample_count) == ("", RunMode.FULL, 5)
        return run

    def test_is_given_where_nothing_comes_from_an_entry_that_usually_has_something(
        self, source: Source, regular: SyncJobRun
    ) -> None:
        source.tables["countries"].clear()
        run = again(regular, ignore_previous_run=True)
        assert (run.status, run.warning, is_open(run)) == (RunStatus.COMPLETED, "zero", True)
        assert [warning.sentence for warning in run.data_warnings] == [
            "countries: nothing fetched instead of usually 12"
        ]
        assert run.events.get(kind=EventKind.WARNING).message == "countries: nothing fetched instead of usually 12."
        assert AccountFreshness.objects.get().last_ending == Ending.WARNED

    def test_is_settled_by_a_later_run_that_has_none(self, source: Source, regular: SyncJobRun) -> None:
        kept = list(source.tables["countries"])
        source.tables["countries"][:] = []
        poor = again(regular, ignore_previous_run=True)
        source.tables["countries"][:] = kept
        rich = again(regular, ignore_previous_run=True)
        assert (is_open(poor), rich.warning) == (False, "")

    def test_is_given_for_records_that_the_store_refused(self, source: Source, regular: SyncJobRun) -> None:
        source.tables["countries"][3].pop("iso")
        run = again(regular, ignore_previous_run=True)
        assert (run.status, run.warning) == (RunStatus.COMPLETED, "unpersisted")
        assert "countries: 1 of 12 fetched records not persisted" in [one.sentence for one in run.data_warnings]

    def test_is_not_given_to_an_incremental_run_that_finds_nothing_new(
        self, source: Source, regular: SyncJobRun
    ) -> None:
        source.tables["countries"].clear()
        run = again(regular)
        assert (run.mode, run.warning, run.fetched) == (RunMode.INCREMENTAL, "", 0)
        habits = RunHabit.objects.values_list("mode", "sample_count")
        assert dict(habits) == {RunMode.FULL: 5, RunMode.INCREMENTAL: 1}


@pytest.mark.django_db(transaction=True)
class TestFailedEntries:
    @pytest.fixture
    def source(self) -> Iterator[Source]:
        with serving(countries_and_cities(3, 2)) as found:
            yield found

    @pytest.fixture
    def good(self, source: Source) -> SyncJobRun:
        return executed(a_run(source, factories.COUNTRIES_AND_CITIES, ignore_previous_run=True))

    @pytest.fixture
    def bad(self, source: Source, good: SyncJobRun) -> SyncJobRun:
        """A run after the good one, of which every request was refused."""
        source.before = refusing("/countries", "/cities")
        return again(good, ignore_previous_run=True)

    def test_are_a_warning_that_says_why_on_a_run_that_completed(self, bad: SyncJobRun) -> None:
        assert (bad.status, bad.warning, bad.fetched, is_open(bad)) == (RunStatus.COMPLETED, "failed", 0, True)
        [warning] = bad.data_warnings
        error = bad.record_errors.get()
        assert warning.sentence == f"countries: failed ({error.message.rstrip('.')})"
        assert "404" in warning.sentence
        assert bad.events.get(kind=EventKind.WARNING).message == f"{warning.sentence}."

    def test_settle_neither_a_failure_nor_a_warning_of_before(self, source: Source, bad: SyncJobRun) -> None:
        failed = again(bad, ignore_previous_run=True, error_handling="fail_fast")
        assert (failed.status, is_open(bad)) == (RunStatus.FAILED, False)
        bad_again = again(bad, ignore_previous_run=True)
        later = again(bad, ignore_previous_run=True)
        assert [is_open(run) for run in (failed, bad_again, later)] == [True, False, True]
        source.before = None
        again(bad, ignore_previous_run=True)
        assert [is_open(run) for run in (failed, bad_again, later)] == [False, False, False]

    def test_leave_open_what_ends_late(self, bad: SyncJobRun) -> None:
        holder = taken(at(another(bad), 2 * HOUR))
        SyncJobRun.objects.exclude(id__in=[bad.id, holder.run_id]).delete()
        assert holder.finish(RunStatus.FAILED, "Too late.")
        assert is_open(SyncJobRun.objects.get(id=holder.run_id))

    def test_make_nothing_fresh(self, good: SyncJobRun, bad: SyncJobRun) -> None:
        for row in (AccountFreshness.objects.get(), JobFreshness.objects.get()):
            assert (row.last_completed_at, row.last_ended_at) == (good.finished_at, bad.finished_at)
            assert row.last_ending == Ending.WARNED

    def test_bring_no_schedule_what_it_waits_for(self, source: Source, bad: SyncJobRun) -> None:
        trigger = factories.trigger(job=bad.sync_job, account=bad.integrated_account)
        CronTrigger.objects.update(completion_due_at=timezone.now())
        again(bad, ignore_previous_run=True)
        trigger.refresh_from_db()
        assert trigger.completion_due_at is not None
        source.before = None
        again(bad, ignore_previous_run=True)
        trigger.refresh_from_db()
        assert trigger.completion_due_at is None

    def test_are_no_part_of_what_is_usual(self, good: SyncJobRun, bad: SyncJobRun) -> None:
        habit = RunHabit.objects.get()
        assert (habit.sample_count, habit.median_fetched) == (1, good.fetched)

    def test_are_one_that_failed_among_others(self, source: Source, good: SyncJobRun) -> None:
        source.before = refusing("/cities")
        run = again(good, ignore_previous_run=True)
        assert (run.fetched, run.warning, [one.name for one in run.data_warnings]) == (3, "failed", ["cities"])

    def test_are_none_where_one_request_of_several_was_refused(self, source: Source, good: SyncJobRun) -> None:
        source.before = lambda request: Response("no", 404) if request.args.get("country") == "C001" else None
        run = again(good, ignore_previous_run=True)
        assert (run.error_count, run.warning, is_open(run)) == (1, "", False)


def refusing(*paths: str) -> Callable[[Request], Response | None]:
    return lambda request: Response("no", 404) if request.path in paths else None
