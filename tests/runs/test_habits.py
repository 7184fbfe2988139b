"""What is usual for a run, and how one that is at work compares with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from runs.habits import Usual, high, low, usual_for, usual_of
from runs.models import RunHabit, RunMode, SyncJobRun
from tests import factories
from tests.dashboard import states

MINUTE = timedelta(minutes=1)
USUAL = Usual(20, 5 * MINUTE, 4 * MINUTE, 6 * MINUTE, 8 * MINUTE, fetched=100)


@pytest.mark.parametrize(
    ("share", "lowest", "highest"), [(0.1, 1, 2), (0.9, 9, 10), (0.95, 9, 10), (0.0, 1, 1), (1.0, 10, 10)]
)
def test_percentiles_are_values_that_were_seen(share: float, lowest: int, highest: int) -> None:
    values = [10, 3, 7, 1, 9, 2, 8, 4, 6, 5]
    assert (low(values, share), high(values, share)) == (lowest, highest)


def test_of_one_value_every_percentile_is_that() -> None:
    assert (low([7], 0.1), high([7], 0.95)) == (7, 7)


class TestEstimate:
    @pytest.mark.parametrize(
        ("elapsed", "left", "is_longer"),
        [(MINUTE, 4 * MINUTE, False), (5 * MINUTE, None, False), (7 * MINUTE, None, False), (9 * MINUTE, None, True)],
        ids=["early", "at the median", "late", "later than nearly all"],
    )
    def test_never_counts_below_zero(
        self, run: SyncJobRun, elapsed: timedelta, left: timedelta | None, is_longer: bool
    ) -> None:
        now = timezone.now()
        states.running(run, started_at=now - elapsed)
        estimate = USUAL.estimate(run, now)
        assert estimate is not None
        assert (estimate.left, estimate.is_longer) == (left, is_longer)

    def test_promises_no_time_where_times_differ_widely(self, run: SyncJobRun) -> None:
        states.running(run)
        wide = Usual(20, 5 * MINUTE, MINUTE, 20 * MINUTE, 30 * MINUTE, fetched=100)
        estimate = wide.estimate(run, timezone.now())
        assert estimate is not None
        assert estimate.left is None

    def test_is_of_runs_at_work_only(self, run: SyncJobRun) -> None:
        assert USUAL.estimate(run, timezone.now()) is None
        assert USUAL.estimate(states.ended(run, "completed"), timezone.now()) is None


class TestUsual:
    def test_is_known_from_five_samples_on(self, run: SyncJobRun) -> None:
        row = factories.habit(run, sample_count=4)
        assert usual_of([run]) == {}
        RunHabit.objects.filter(pk=row.pk).update(sample_count=5)
        assert usual_of([run])[run.pk].median == 5 * MINUTE

    def test_is_of_the_runs_own_mode(self, run: SyncJobRun) -> None:
        factories.habit(run, mode=RunMode.INCREMENTAL, median_seconds=10)
        assert usual_of([run]) == {}
        states.change(run, is_incremental=True)
        assert usual_of([run])[run.pk].median == timedelta(seconds=10)
        found = usual_for(run.sync_job_id, run.integrated_account_id, RunMode.INCREMENTAL)
        assert found == usual_of([run])[run.pk]

    def test_is_of_the_runs_own_account(self, run: SyncJobRun) -> None:
        other = factories.account(integration=run.integrated_account.integration, tenant_id="other")
        factories.habit(factories.run(job=run.sync_job, account=other))
        assert usual_of([run]) == {}

    def test_of_many_runs_costs_one_query(
        self, run: SyncJobRun, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        factories.habit(run)
        accounts = [factories.account(integration=run.integrated_account.integration) for _ in range(20)]
        runs = [factories.run(job=run.sync_job, account=account) for account in accounts]
        with django_assert_num_queries(1):
            assert set(usual_of([run, *runs])) == {run.pk}
        with django_assert_num_queries(0):
            assert usual_of([]) == {}
