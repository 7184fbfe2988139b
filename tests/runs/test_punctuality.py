"""On time, late, overdue: what each slot of a schedule makes due, and which runs bring it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from runs.models import AccountStatus, CronTrigger, IntegratedAccount, RunStatus, SyncJobRun
from runs.punctuality import Punctuality, is_overdue, judged, overdue
from runs.services import arm_trigger, disarm_trigger, fire_due, request_stop, save_trigger
from tests import factories
from tests.runs.engine.test_freshness import end

pytestmark = pytest.mark.django_db

SIX = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BY_THE_NEXT_SLOT = DAY + timedelta(minutes=10)


def of(trigger: CronTrigger, now: datetime) -> int | None:
    """What it is at that time, by each form of the rule alike."""
    found = judged(now).filter(pk=trigger.pk).values_list("punctuality", flat=True).first()
    row = CronTrigger.objects.get(pk=trigger.pk)
    is_in_query = CronTrigger.objects.filter(overdue(now), pk=trigger.pk).exists()
    assert (found == Punctuality.OVERDUE) == is_overdue(row, now) == is_in_query
    return found


@pytest.fixture
def trigger() -> CronTrigger:
    """Daily at six, armed the evening before."""
    with time_machine.travel(SIX - timedelta(hours=10), tick=False):
        return factories.trigger()


def fire(at: datetime) -> SyncJobRun | None:
    fire_due(at)
    return SyncJobRun.objects.live().first()


def complete(trigger: CronTrigger, *, args: str = "by hand") -> None:
    """A run of the same job and account, which the schedule has not started, completes."""
    run = factories.run(account=trigger.integrated_account, job=trigger.sync_job, args={"of": args})
    end(run, RunStatus.COMPLETED)


def test_before_its_first_slot_nothing_is_due(trigger: CronTrigger) -> None:
    assert of(trigger, SIX - timedelta(hours=1)) == Punctuality.ON_TIME


def test_while_the_run_of_a_slot_is_under_way_it_is_on_time(trigger: CronTrigger) -> None:
    assert fire(SIX)
    assert of(trigger, SIX + timedelta(minutes=20)) == Punctuality.ON_TIME


def test_a_run_that_is_under_way_for_too_long_is_overdue_all_the_same(trigger: CronTrigger) -> None:
    assert fire(SIX)
    fire_due(SIX + DAY)  # skipped: the run is still live
    assert of(trigger, SIX + BY_THE_NEXT_SLOT) == Punctuality.ON_TIME
    assert of(trigger, SIX + BY_THE_NEXT_SLOT + timedelta(minutes=1)) == Punctuality.OVERDUE


def test_a_slot_whose_run_has_failed_makes_it_late_and_the_next_one_overdue(trigger: CronTrigger) -> None:
    request_stop(fire(SIX))
    assert of(trigger, SIX + timedelta(minutes=20)) == Punctuality.LATE
    request_stop(fire(SIX + DAY))
    assert of(trigger, SIX + DAY + timedelta(minutes=20)) == Punctuality.OVERDUE


def test_any_completed_run_of_the_job_brings_what_is_due(trigger: CronTrigger) -> None:
    request_stop(fire(SIX))
    complete(trigger)
    assert of(trigger, SIX + timedelta(hours=4)) == Punctuality.ON_TIME
    request_stop(fire(SIX + DAY))
    assert of(trigger, SIX + DAY + timedelta(hours=1)) == Punctuality.LATE


def test_the_end_of_a_real_run_brings_it(trigger: CronTrigger) -> None:
    run = fire(SIX)
    assert run is not None
    end(run, RunStatus.COMPLETED)
    assert of(trigger, SIX + timedelta(minutes=1)) == Punctuality.ON_TIME


def test_another_job_of_the_account_brings_nothing(trigger: CronTrigger) -> None:
    request_stop(fire(SIX))
    other = factories.job(integration=trigger.sync_job.integration)
    end(factories.run(account=trigger.integrated_account, job=other), RunStatus.COMPLETED)
    assert of(trigger, SIX + timedelta(hours=4)) == Punctuality.LATE


def test_the_run_that_a_slot_was_skipped_for_brings_what_it_made_due(trigger: CronTrigger) -> None:
    run = factories.run(account=trigger.integrated_account, job=trigger.sync_job)
    fire_due(SIX)
    assert of(trigger, SIX + timedelta(minutes=5)) == Punctuality.ON_TIME
    end(run, RunStatus.COMPLETED)
    assert of(trigger, SIX + BY_THE_NEXT_SLOT * 0.9) == Punctuality.ON_TIME


def test_a_slot_that_is_refused_makes_it_late_as_well(trigger: CronTrigger) -> None:
    IntegratedAccount.objects.update(status=AccountStatus.NEEDS_REAUTH)
    fire(SIX)
    assert of(trigger, SIX + timedelta(minutes=5)) == Punctuality.LATE
    fire(SIX + DAY)
    assert of(trigger, SIX + DAY + timedelta(minutes=15)) == Punctuality.OVERDUE


def test_a_slot_that_nobody_fires_makes_it_overdue(trigger: CronTrigger) -> None:
    assert of(trigger, SIX + timedelta(seconds=50)) == Punctuality.ON_TIME
    assert of(trigger, SIX + timedelta(seconds=70)) == Punctuality.OVERDUE


def test_a_disarmed_schedule_is_not_judged_and_an_armed_one_begins_anew(trigger: CronTrigger) -> None:
    request_stop(fire(SIX))
    disarm_trigger(trigger)
    assert of(trigger, timezone.now()) is None
    arm_trigger(trigger)
    assert of(trigger, timezone.now()) == Punctuality.ON_TIME


def test_another_expression_begins_anew_and_another_change_does_not(trigger: CronTrigger) -> None:
    with time_machine.travel(SIX + timedelta(minutes=30), tick=False):
        request_stop(fire(SIX))
        save_trigger(trigger.environment, {"ignore_previous_run": True}, trigger)
        assert of(trigger, timezone.now()) == Punctuality.LATE
        save_trigger(trigger.environment, {"cron_expression": "0 7 * * *"}, trigger)
        assert of(trigger, timezone.now()) == Punctuality.ON_TIME
