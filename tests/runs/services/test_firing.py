"""A slot that comes due starts one run, or is skipped for a reason that is told; none is lost, none fires twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from runs.models import AccountStatus, CronTrigger, EventKind, RunHabit, RunStatus, RunTrigger, SkipCode, SyncJobRun
from runs.services import arm_trigger, delete_account, delete_job, fire_due, request_stop
from runs.services.firing import COMPLETION_GRACE
from tests import factories

pytestmark = pytest.mark.django_db

SLOT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
SOON = SLOT + timedelta(seconds=1)


def due(slot: datetime = SLOT, **over: Any) -> CronTrigger:
    """A trigger whose slot has come, of an integration of its own unless an account is given."""
    account = over.pop("account", None) or factories.account(integration=factories.integration(name=f"geo-{uuid4()}"))
    trigger = factories.trigger(account=account, **over)
    CronTrigger.objects.filter(id=trigger.id).update(next_run_at=slot)
    return CronTrigger.objects.get(id=trigger.id)


def fresh(trigger: CronTrigger) -> CronTrigger:
    return CronTrigger.objects.get(id=trigger.id)


def skip_of(trigger: CronTrigger) -> tuple[str, str]:
    row = fresh(trigger)
    assert row.last_skipped_at == SOON
    return row.last_skip_code, row.last_skip_reason


def test_a_due_slot_starts_a_run_that_names_it() -> None:
    trigger = due(args={"slug": "a"}, daemon_group_key="east", error_handling="fail_fast", ignore_previous_run=True)
    assert fire_due(SOON) == 1
    run = SyncJobRun.objects.get()
    assert (run.trigger, run.created_by) == (RunTrigger.SCHEDULE, "0 6 * * *")
    assert (run.cron_trigger, run.scheduled_for) == (trigger, SLOT)
    assert (run.args, run.daemon_group_key) == ({"slug": "a"}, "east")
    assert (run.error_handling, run.ignore_previous_run) == ("fail_fast", True)
    assert run.events.get().message == "Created by 0 6 * * * (schedule) for the slot 2026-11-25 06:00 UTC."
    assert (fresh(trigger).last_run, fresh(trigger).next_run_at) == (run, SLOT + timedelta(days=1))
    assert fresh(trigger).updated_at == trigger.updated_at


def test_a_slot_that_has_not_come_a_disarmed_trigger_and_a_deleted_one_start_nothing() -> None:
    due(SOON + timedelta(seconds=1))
    for change in ({"is_active": False}, {"deleted_at": SLOT}):
        CronTrigger.objects.filter(id=due().id).update(**change)
    assert fire_due(SOON) == 0
    assert not SyncJobRun.objects.exists()


def test_missed_slots_are_made_up_for_by_one_run() -> None:
    trigger = due(cron_expression="*/5 * * * *")
    late = SLOT + timedelta(hours=9, minutes=2)
    assert (fire_due(late), fire_due(late)) == (1, 0)
    assert SyncJobRun.objects.get().scheduled_for == SLOT
    assert fresh(trigger).next_run_at == SLOT + timedelta(hours=9, minutes=5)


def test_a_run_that_is_still_live_makes_the_slot_pass_and_tells_so_on_both_sides() -> None:
    trigger = due()
    fire_due(SLOT)
    CronTrigger.objects.update(next_run_at=SLOT + timedelta(seconds=1))
    assert fire_due(SOON) == 0
    live = SyncJobRun.objects.get()
    code, reason = skip_of(trigger)
    assert (code, str(live.id) in reason) == (SkipCode.LIVE_RUN, True)
    assert "skipped its slot 2026-11-25 06:00 UTC" in live.events.get(kind=EventKind.SLOT_SKIPPED).message
    assert (fresh(trigger).is_active, fresh(trigger).is_refused) == (True, False)
    request_stop(live)
    assert fire_due(SLOT + timedelta(days=1)) == 1


@pytest.mark.parametrize(
    ("expression", "p95", "until"),
    [
        ("0 * * * *", 0, timedelta(hours=1)),
        ("0 6 * * 1-7", 0, timedelta(days=1)),
        ("0 6 1 * *", 0, timedelta(days=1)),
        ("0 * * * *", 7200, timedelta(hours=4)),
    ],
    ids=["hourly", "daily", "monthly: as long as a run may take", "runs that take longer than an hour"],
)
def test_a_slot_says_by_when_a_run_should_have_completed(expression: str, p95: int, until: timedelta) -> None:
    trigger = due(cron_expression=expression)
    RunHabit.objects.create(
        sync_job=trigger.sync_job, integrated_account=trigger.integrated_account, mode="full", p95_seconds=p95
    )
    fire_due(SLOT)
    assert fresh(trigger).completion_due_at == SLOT + until + COMPLETION_GRACE


def test_a_later_slot_puts_off_nothing_and_arming_awaits_nothing_old() -> None:
    trigger = due(cron_expression="0 * * * *")
    fire_due(SLOT)
    first = fresh(trigger).completion_due_at
    fire_due(SLOT + timedelta(hours=3))
    assert fresh(trigger).completion_due_at == first
    assert arm_trigger(fresh(trigger)).completion_due_at is None


def spoil(trigger: CronTrigger) -> None:
    """The job now wants an argument that the trigger does not give."""
    trigger.sync_job.args_schema = {"slug": {"type": "string", "required": True}}
    trigger.sync_job.save()


def need_credentials(trigger: CronTrigger) -> None:
    trigger.integrated_account.status = AccountStatus.NEEDS_REAUTH
    trigger.integrated_account.save()


@pytest.mark.parametrize(
    ("happening", "words"), [(spoil, "args.slug: is required."), (need_credentials, "credentials")]
)
def test_a_run_that_is_refused_is_told_and_the_next_slot_is_tried(happening: Any, words: str) -> None:
    trigger, other = due(), due()
    happening(trigger)
    assert fire_due(SOON) == 1
    code, reason = skip_of(trigger)
    assert (code, words in reason) == (SkipCode.REFUSED, True)
    assert (fresh(trigger).is_refused, fresh(trigger).next_run_at) == (True, SLOT + timedelta(days=1))
    assert SyncJobRun.objects.get().cron_trigger == other


@pytest.mark.parametrize(
    "delete", [lambda trigger: delete_job(trigger.sync_job), lambda trigger: delete_account(trigger.integrated_account)]
)
def test_one_armed_just_after_its_target_was_deleted_is_disarmed_by_its_slot(delete: Any) -> None:
    trigger = due()
    delete(trigger)
    CronTrigger.objects.update(is_active=True, next_run_at=SLOT)
    assert fire_due(SOON) == 0
    assert "has been deleted" in skip_of(trigger)[1]
    assert (fresh(trigger).is_active, fresh(trigger).next_run_at) == (False, None)


def test_a_row_that_nobody_can_read_is_stepped_over() -> None:
    broken = due()
    broken.sync_job.integration.config = ["not an object"]
    broken.sync_job.integration.save()
    odd = due()
    CronTrigger.objects.filter(id=odd.id).update(cron_expression="every now and then")
    good = due()
    with capture_logs([merge_contextvars]) as lines:
        assert fire_due(SOON) == 2
    assert {run.cron_trigger for run in SyncJobRun.objects.all()} == {odd, good}
    assert (fresh(odd).is_active, fresh(broken).last_skip_code) == (False, SkipCode.REFUSED)
    assert [line["trigger_id"] for line in lines if line["log_level"] == "warning"] == [str(odd.id)]


def test_a_fault_of_one_neither_holds_up_the_others_nor_ends_the_round() -> None:
    doomed, good = due(cron_expression="0 0 1 1 *"), due(cron_expression="* * * * *")
    with capture_logs([merge_contextvars]) as lines:  # the last day that Python can count to has no new year after it
        assert fire_due(datetime(9999, 12, 31, 12, 0, tzinfo=UTC)) == 1
    assert SyncJobRun.objects.get().cron_trigger == good
    assert [line["trigger_id"] for line in lines if line["log_level"] == "error"] == [str(doomed.id)]


def test_a_slot_that_comes_twice_fires_once() -> None:
    trigger = due()
    fire_due(SOON)
    SyncJobRun.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    CronTrigger.objects.update(next_run_at=SLOT)  # armed anew under a clock that had been put back
    assert fire_due(SOON) == 0
    assert fresh(trigger).next_run_at == SLOT + timedelta(days=1)


def test_more_triggers_than_are_read_at_once_all_fire() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    first = due(account=account, job=job)
    CronTrigger.objects.bulk_create(
        CronTrigger(
            environment=first.environment, sync_job=job, integrated_account=account, args={"number": number},
            cron_expression="0 6 * * *", daemon_group_key="default", next_run_at=SLOT,
        )
        for number in range(205)
    )  # fmt: skip
    assert fire_due(SOON) == 206


@pytest.fixture
def due_triggers(transactional_db: None) -> Iterator[list[CronTrigger]]:
    account = factories.account()
    job = factories.job(integration=account.integration)
    yield [due(account=account, job=job, args={"number": number}) for number in range(20)]


def test_of_four_schedulers_at_once_each_slot_is_fired_by_one(due_triggers: list[CronTrigger]) -> None:
    start, started = threading.Barrier(4), []

    def schedule() -> None:
        start.wait()
        try:
            started.append(fire_due(SOON))
        finally:
            connection.close()

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(started), sum(started)) == (4, 20)
    assert sorted(SyncJobRun.objects.values_list("cron_trigger", flat=True)) == sorted(row.id for row in due_triggers)
    assert set(SyncJobRun.objects.values_list("scheduled_for", flat=True)) == {SLOT}


def test_a_change_at_the_moment_of_the_slot_wins(due_triggers: list[CronTrigger]) -> None:
    arm_trigger(due_triggers[0])
    assert fire_due(SOON) == 19
