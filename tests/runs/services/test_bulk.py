"""One order on many runs: the confirmed set and no other, each run once, whatever happens to messages and workers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import Celery, current_app
from django.db import connection
from django.utils import timezone

from runs.engine.claim import claim
from runs.engine.recovery import sweep, wake
from runs.errors import InvalidInput
from runs.models import (
    AuditEntry,
    BulkAction,
    BulkItem,
    BulkKind,
    BulkOutcome,
    BulkStatus,
    Daemon,
    DaemonStatus,
    RunStatus,
    SyncJobRun,
)
from runs.services import (
    MOST_RUNS,
    BulkOrder,
    SetChanged,
    TooManyRuns,
    bulk_work,
    cancel_bulk,
    carry_out,
    run_set,
    start_bulk,
)
from tests import factories
from tests.runs import rows

pytestmark = pytest.mark.django_db(transaction=True)


def accounts(count: int) -> list[Any]:
    integration = factories.integration()
    return [factories.account(integration=integration, tenant_id=f"Customer {number}") for number in range(count)]


def runs_of_many(count: int, *, ended: bool = False) -> list[SyncJobRun]:
    """One run per account, as the service makes it."""
    found = accounts(count)
    job = factories.job(integration=found[0].integration)
    made = [factories.run(account=account, job=job, dispatch=False) for account in found]
    if ended:
        end(made)
    return made


def end(runs: list[SyncJobRun], status: RunStatus = RunStatus.FAILED) -> None:
    ids = [run.pk for run in runs]
    SyncJobRun.objects.filter(pk__in=ids).update(status=status, finished_at=timezone.now())


def everything() -> Any:
    return SyncJobRun.objects.all()


def order(kind: BulkKind = BulkKind.STOP, **over: Any) -> BulkOrder:
    found = run_set(over.pop("runs", everything()))
    values = {"id": uuid4(), "run_count": len(found.rows), "set_hash": found.hash, "actor": "olga", **over}
    return BulkOrder(kind=kind, **values)


def carried_out(action: BulkAction, *, most_rounds: int = 50) -> BulkAction:
    for _ in range(most_rounds):
        carry_out(action.pk)
        action.refresh_from_db()
        if not action.is_live:
            return action
    raise AssertionError(f"The action has not ended: {action.counts}")


def outcomes(action: BulkAction) -> dict[UUID, str]:
    return dict(action.items.values_list("run_id", "outcome"))


def lines(action: str) -> Any:
    return AuditEntry.objects.filter(action=action)


class TestOrdering:
    def test_keeps_the_runs_that_were_confirmed_whatever_matches_later(self) -> None:
        first = runs_of_many(3)
        action = start_bulk(order(), everything())
        later = rows.runs(1, integrated_account=first[0].integrated_account, status=RunStatus.CREATED)[0]
        carried_out(action)
        assert set(outcomes(action)) == {run.pk for run in first}
        later.refresh_from_db()
        assert later.status == RunStatus.CREATED

    def test_does_nothing_when_other_runs_match_than_were_confirmed(self) -> None:
        account = runs_of_many(2)[0].integrated_account
        confirmed = order()
        rows.runs(1, integrated_account=account)
        with pytest.raises(SetChanged) as changed:
            start_bulk(confirmed, everything())
        assert len(changed.value.now.rows) == 3
        assert not BulkAction.objects.exists()

    def test_does_nothing_when_as_many_others_match(self) -> None:
        made = rows.runs(2)
        confirmed = order(runs=everything().filter(pk=made[0].pk))
        with pytest.raises(SetChanged):
            start_bulk(confirmed, everything().filter(pk=made[1].pk))

    def test_the_same_form_sent_twice_orders_once(self) -> None:
        runs_of_many(2)
        confirmed = order()
        assert start_bulk(confirmed, everything()) == start_bulk(confirmed, everything())
        assert BulkItem.objects.count() == 2
        assert lines("bulk.stop").count() == 1

    def test_more_than_one_action_takes_are_refused(self) -> None:
        rows.runs(MOST_RUNS + 1)
        with pytest.raises(TooManyRuns):
            run_set(everything())

    def test_a_reason_without_end_is_refused(self) -> None:
        runs_of_many(1)
        with pytest.raises(InvalidInput):
            start_bulk(order(reason="x" * 501), everything())

    def test_tells_the_audit_list_of_each_environment_with_its_own_count(self) -> None:
        here = runs_of_many(2)
        there = factories.account(integration=factories.integration(environment=factories.environment("Elsewhere")))
        rows.runs(1, integrated_account=there)
        start_bulk(order(query="status=failed", reason="wrong token"), everything())
        told = {entry.environment_id: entry for entry in lines("bulk.stop")}
        assert {pk: entry.details["runs"] for pk, entry in told.items()} == {
            here[0].environment_id: 2,
            there.environment_id: 1,
        }
        entry = told[there.environment_id]
        assert (entry.actor, entry.reason, entry.details["filter"]) == ("olga", "wrong token", "status=failed")

    def test_is_seen_by_those_only_who_see_every_run_of_it(self) -> None:
        runs_of_many(1)
        elsewhere = factories.environment("Elsewhere")
        rows.runs(1, integrated_account=factories.account(integration=factories.integration(environment=elsewhere)))
        action = start_bulk(order(), everything())
        person = factories.user("otto")
        assert action not in BulkAction.objects.seen_by(person)
        person.environments.add(elsewhere)
        assert action not in BulkAction.objects.seen_by(person)
        person.environments.add(factories.environment())
        assert action in BulkAction.objects.seen_by(person)


class TestStopping:
    def test_stops_what_is_live_and_says_what_had_ended_or_been_asked(self) -> None:
        created, running, stopping, ended = runs_of_many(4)
        for run in (running, stopping):
            claim(run.pk, "d1")
        SyncJobRun.objects.filter(pk=stopping.pk).update(stop_requested_at=timezone.now(), stop_requested_by="otto")
        end([ended], RunStatus.COMPLETED)
        action = carried_out(start_bulk(order(reason="wrong token"), everything()))
        assert outcomes(action) == {
            created.pk: BulkOutcome.DONE,
            running.pk: BulkOutcome.DONE,
            stopping.pk: BulkOutcome.ALREADY,
            ended.pk: BulkOutcome.ALREADY,
        }
        assert "otto" in action.items.get(run=stopping).words
        assert "completed" in action.items.get(run=ended).words
        created.refresh_from_db()
        running.refresh_from_db()
        assert (created.status, created.stop_reason) == (RunStatus.STOPPED, "wrong token")
        assert (running.is_stopping, running.stop_requested_by) == (True, "olga")
        assert action.counts == {"pending": 0, "done": 2, "already": 2, "refused": 0, "cancelled": 0}
        assert lines("run.stop").count() == 2


class TestRerunning:
    def test_makes_a_new_run_of_each_and_names_it(self) -> None:
        made = runs_of_many(3, ended=True)
        action = carried_out(start_bulk(order(BulkKind.RERUN_IGNORING), everything()))
        for item in action.items.select_related("other_run"):
            assert item.outcome == BulkOutcome.DONE
            new = item.other_run
            assert new is not None
            assert (new.rerun_of_id, new.created_by, new.ignore_previous_run) == (item.run_id, "olga", True)
        assert SyncJobRun.objects.count() == 2 * len(made)

    def test_of_runs_that_are_alike_only_the_newest_is_run_again(self) -> None:
        account = factories.account()
        old, new = rows.runs(2, integrated_account=account, status=RunStatus.FAILED)
        action = start_bulk(order(BulkKind.RERUN), everything())
        assert action.already_count == 1
        carried_out(action)
        assert outcomes(action) == {old.pk: BulkOutcome.ALREADY, new.pk: BulkOutcome.DONE}
        assert SyncJobRun.objects.get(rerun_of__isnull=False).rerun_of_id == new.pk

    def test_refuses_live_ones_and_those_whose_like_is_live_and_names_it(self) -> None:
        live, ended = runs_of_many(2)
        end([ended])
        other = factories.run(account=ended.integrated_account, job=ended.sync_job, dispatch=False)
        both = everything().filter(pk__in=[live.pk, ended.pk])
        action = carried_out(start_bulk(order(BulkKind.RERUN, runs=both), both))
        assert set(outcomes(action).values()) == {BulkOutcome.REFUSED}
        assert action.items.get(run=ended).other_run == other
        assert action.refused_count == 2

    def test_what_would_not_be_accepted_is_refused_with_the_reason(self) -> None:
        run = runs_of_many(1, ended=True)[0]
        run.sync_job.resources = [{"resource": "planets", "method": "list"}]
        run.sync_job.save()
        action = carried_out(start_bulk(order(BulkKind.RERUN), everything()))
        item = action.items.get()
        assert (item.outcome, "planets" in item.words) == (BulkOutcome.REFUSED, True)


class TestPace:
    @pytest.fixture(autouse=True)
    def daemon(self) -> Daemon:
        return Daemon.objects.create(
            daemon_id="d1", group_key="default", status=DaemonStatus.ACTIVE, last_active_at=timezone.now()
        )

    def test_no_more_reruns_wait_for_daemons_than_are_meant_to(self) -> None:
        runs_of_many(bulk_work.MOST_WAITING + 5, ended=True)
        action = start_bulk(order(BulkKind.RERUN), everything())
        for _ in range(3):
            carry_out(action.pk)
        waiting = SyncJobRun.objects.filter(status=RunStatus.CREATED)
        assert waiting.count() == bulk_work.MOST_WAITING
        action.refresh_from_db()
        assert action.is_live
        end(list(waiting[:5]), RunStatus.COMPLETED)
        carried_out(action)
        assert action.done_count == bulk_work.MOST_WAITING + 5

    def test_one_that_waits_for_room_is_woken(self) -> None:
        runs_of_many(bulk_work.MOST_WAITING + 1, ended=True)
        action = start_bulk(order(BulkKind.RERUN), everything())
        carry_out(action.pk)
        carry_out(action.pk)
        assert wake(["default"]) == 1
        assert wake(["default"]) == 0

    def test_runs_that_no_daemon_can_take_are_in_nobodys_way(self, daemon: Daemon) -> None:
        Daemon.objects.update(group_key="elsewhere")
        runs_of_many(bulk_work.MOST_WAITING + 5, ended=True)
        action = carried_out(start_bulk(order(BulkKind.RERUN), everything()), most_rounds=2)
        assert action.done_count == bulk_work.MOST_WAITING + 5


class TestLosses:
    def test_a_message_that_comes_again_does_nothing(self) -> None:
        runs_of_many(3, ended=True)
        action = carried_out(start_bulk(order(BulkKind.RERUN), everything()))
        for _ in range(3):
            carry_out(action.pk)
        assert SyncJobRun.objects.count() == 6

    def test_workers_that_are_at_it_together_act_on_each_run_once(self) -> None:
        runs_of_many(12, ended=True)
        action = start_bulk(order(BulkKind.RERUN), everything())
        barrier = threading.Barrier(3)

        def work() -> None:
            barrier.wait()
            for _ in range(4):  # each as if the others' leases were over
                BulkAction.objects.filter(pk=action.pk).update(lease_until=None)
                carry_out(action.pk)
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        carried_out(action)
        assert action.counts == {"pending": 0, "done": 12, "already": 0, "refused": 0, "cancelled": 0}
        assert SyncJobRun.objects.filter(rerun_of__isnull=False).count() == 12

    def test_a_cancellation_and_a_worker_leave_each_run_with_one_outcome(self) -> None:
        runs_of_many(20, ended=True)
        action = start_bulk(order(BulkKind.RERUN), everything())
        barrier = threading.Barrier(2)

        def together(act: Callable[[], object]) -> threading.Thread:
            def work() -> None:
                barrier.wait()
                act()
                connection.close()

            thread = threading.Thread(target=work)
            thread.start()
            return thread

        for thread in [together(lambda: carry_out(action.pk)), together(lambda: cancel_bulk(action, actor="otto"))]:
            thread.join()
        carried_out(action)
        found = Counter(outcomes(action).values())
        assert (found["done"], found["cancelled"]) == (action.done_count, action.cancelled_count)
        assert action.done_count + action.cancelled_count == 20
        assert SyncJobRun.objects.filter(rerun_of__isnull=False).count() == action.done_count

    def test_what_a_lost_worker_held_goes_on_after_its_lease(self) -> None:
        runs_of_many(2, ended=True)
        action = start_bulk(order(BulkKind.RERUN), everything())
        held = {"status": BulkStatus.RUNNING, "dispatched_at": timezone.now()}
        BulkAction.objects.update(**held, lease_until=timezone.now() + timedelta(minutes=1))
        carry_out(action.pk)
        assert set(outcomes(action).values()) == {BulkOutcome.PENDING}
        assert sweep(["default"]) == 0
        BulkAction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert sweep(["default"]) >= 1
        carried_out(action)
        assert action.done_count == 2

    def test_one_whose_message_is_lost_is_told_of_again(self) -> None:
        runs_of_many(1)
        action = start_bulk(order(), everything())
        BulkAction.objects.update(dispatched_at=timezone.now() - timedelta(minutes=2))
        before = timezone.now() - timedelta(minutes=1)
        sweep(["eu", "us"])
        action.refresh_from_db()
        assert action.dispatched_at > before


@pytest.fixture
def broker_is_gone() -> Iterator[None]:
    usual = current_app._get_current_object()
    with Celery("gone") as gone:
        gone.conf.broker_write_url = "redis://127.0.0.1:1/0"
        gone.set_current()
        yield
    usual.set_current()


@pytest.mark.usefixtures("broker_is_gone")
def test_an_order_is_stored_while_the_broker_is_down() -> None:
    runs_of_many(1)
    action = start_bulk(order(), everything())
    assert (action.dispatched_at, BulkAction.objects.get().status) == (None, BulkStatus.CREATED)
