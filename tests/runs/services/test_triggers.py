"""A cron trigger is checked like a run before it is stored, and knows its next slot while it is armed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from runs.errors import InvalidInput, LiveRunExists
from runs.models import CronTrigger, RunTrigger, SyncJobRun, Webhook
from runs.services import arm_trigger, delete_trigger, disarm_trigger, run_now, save_trigger
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
SCHEMA = {"slug": {"type": "string", "required": True}}


def failures(values: dict[str, Any], trigger: CronTrigger | None = None) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        save_trigger(factories.environment(), values, trigger)
    return {failure.path: failure.message for failure in caught.value.failures}


def fresh(trigger: CronTrigger) -> CronTrigger:
    return CronTrigger.objects.get(id=trigger.id)


@time_machine.travel(NOON, tick=False)
def test_a_new_trigger_is_armed_and_waits_for_its_next_slot() -> None:
    trigger = fresh(factories.trigger(cron_expression=" 30  6 * * 1-5 "))
    assert (trigger.is_active, trigger.cron_expression) == (True, "30 6 * * 1-5")
    assert trigger.next_run_at == datetime(2026, 11, 26, 6, 30, tzinfo=UTC)
    assert (trigger.daemon_group_key, trigger.error_handling, trigger.args) == ("default", "ignore", {})


def test_one_that_is_made_inactive_has_no_slot() -> None:
    assert factories.trigger(is_active=False).next_run_at is None


def test_every_fault_is_told_at_once_and_nothing_is_stored() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration, args_schema=SCHEMA)
    webhook = Webhook.objects.create(environment=factories.environment("Other"), target_url="https://example.org/")
    values = {
        "sync_job": job,
        "integrated_account": account,
        "cron_expression": "61 * * * *",
        "webhook_id": webhook.id,
        "daemon_group_key": "no spaces please",
        "error_handling": "panic",
    }
    assert set(failures(values)) == {"cron_expression", "webhook_id", "daemon_group_key", "error_handling", "args.slug"}
    assert not CronTrigger.objects.exists()


def test_job_and_account_must_be_given_and_fit_each_other() -> None:
    assert set(failures({})) == {"sync_job_id", "integrated_account_id", "cron_expression"}
    stranger = factories.account(integration=factories.integration(name="other"))
    values = {"sync_job": factories.job(), "integrated_account": stranger, "cron_expression": "0 6 * * *"}
    assert "is an account of other" in failures(values)["integrated_account_id"]


def test_a_changed_expression_is_looked_ahead_from_now_and_other_changes_leave_the_slot_due() -> None:
    trigger = factories.trigger()
    overdue = timezone.now() - timedelta(hours=1)
    CronTrigger.objects.update(next_run_at=overdue)
    save_trigger(trigger.environment, {"args": {"a": 1}, "cron_expression": "0 6 * * *"}, trigger)
    assert (fresh(trigger).next_run_at, fresh(trigger).args) == (overdue, {"a": 1})
    save_trigger(trigger.environment, {"cron_expression": "0 7 * * *"}, trigger)
    slot = fresh(trigger).next_run_at
    assert slot is not None
    assert slot > timezone.now()
    assert slot.hour == 7


def test_arming_looks_ahead_and_disarming_forgets_the_slot() -> None:
    trigger = factories.trigger()
    CronTrigger.objects.update(next_run_at=timezone.now() - timedelta(hours=1))
    slot = arm_trigger(trigger).next_run_at
    assert slot is not None
    assert slot > timezone.now()
    assert fresh(disarm_trigger(trigger)).next_run_at is None
    armed = fresh(arm_trigger(trigger))
    assert (armed.is_active, armed.next_run_at) == (True, slot)


def test_one_that_would_be_refused_today_can_be_disarmed_but_not_armed() -> None:
    trigger = factories.trigger()
    trigger.sync_job.args_schema = SCHEMA
    trigger.sync_job.save()
    assert set(failures({"ignore_previous_run": True}, fresh(trigger))) == {"args.slug"}
    assert not disarm_trigger(fresh(trigger)).is_active
    with pytest.raises(InvalidInput, match=r"args\.slug"):
        arm_trigger(fresh(trigger))
    assert not fresh(trigger).is_active


def test_a_given_destination_replaces_the_other_and_both_are_refused() -> None:
    trigger = factories.trigger()
    webhook = Webhook.objects.create(environment=trigger.environment, target_url="https://example.org/")
    CronTrigger.objects.update(webhook=webhook, daemon_group_key=None)
    changed = save_trigger(trigger.environment, {"daemon_group_key": "east"}, fresh(trigger))
    assert (changed.webhook_id, changed.daemon_group_key) == (None, "east")
    both = {"webhook_id": webhook.id, "daemon_group_key": "east"}
    assert "exclude each other" in failures(both, fresh(trigger))["webhook_id"]


def test_a_run_now_is_one_of_its_runs_and_leaves_its_slots_alone() -> None:
    trigger = factories.trigger(args={"slug": "a"}, daemon_group_key="east", ignore_previous_run=True)
    slot = trigger.next_run_at
    run = run_now(trigger, actor="olga")
    assert (run.trigger, run.created_by, run.cron_trigger, run.scheduled_for) == (
        RunTrigger.DASHBOARD,
        "olga",
        trigger,
        None,
    )
    assert (run.args, run.daemon_group_key, run.ignore_previous_run) == ({"slug": "a"}, "east", True)
    assert (fresh(trigger).last_run, fresh(trigger).next_run_at) == (run, slot)
    with pytest.raises(LiveRunExists):
        run_now(trigger)


def test_a_deleted_one_fires_no_more_is_not_brought_back_and_stays_named_by_its_runs() -> None:
    trigger = factories.trigger()
    run = run_now(trigger)
    delete_trigger(trigger)
    gone = fresh(trigger)
    assert (gone.is_active, gone.next_run_at, gone.deleted_at is None) == (False, None, False)
    assert SyncJobRun.objects.get(id=run.id).cron_trigger == trigger
    with pytest.raises(InvalidInput, match="has been deleted"):
        arm_trigger(trigger)
