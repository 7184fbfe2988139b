"""The sweep finds what nobody took, and ends what nobody holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, current_app
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from runs.engine.claim import claim
from runs.engine.recovery import sweep, wake
from runs.models import RunStatus, SyncJobRun
from runs.services import request_stop
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def change(run: SyncJobRun, **values: Any) -> None:
    SyncJobRun.objects.filter(id=run.id).update(**values)


def dispatched(run: SyncJobRun) -> Any:
    return SyncJobRun.objects.values_list("dispatched_at", flat=True).get(id=run.id)


def test_a_run_that_no_daemon_was_told_of_is_published() -> None:
    run = factories.run(dispatch=False)
    sweep(["default"])
    assert dispatched(run) is not None


def test_runs_that_are_told_of_are_read_together() -> None:
    account = factories.account()
    job, costs = factories.job(integration=account.integration), []
    for count in (1, 4):
        wishes = [{"of": count, "number": number} for number in range(count)]
        runs = [factories.run(account=account, job=job, args=args, dispatch=False) for args in wishes]
        with CaptureQueriesContext(connection) as asked:
            sweep(["default"])
        assert all(map(dispatched, runs))
        costs.append(len(asked))
    assert costs[1] - costs[0] == 3  # an UPDATE for each


def test_a_run_whose_message_is_young_is_left_alone() -> None:
    run = factories.run()
    told = dispatched(run)
    sweep(["default"])
    assert dispatched(run) == told


def test_a_message_that_must_be_lost_is_sent_again() -> None:
    run = factories.run()
    change(run, dispatched_at=ago(120))
    sweep(["default"])
    assert dispatched(run) > ago(60)


def test_a_run_whose_daemon_died_is_published() -> None:
    run = factories.run()
    claim(run.id, "d1")
    change(run, lease_until=ago(1), dispatched_at=ago(10))
    sweep(["default"])
    assert dispatched(run) > ago(5)


def test_a_run_that_is_held_is_left_alone() -> None:
    run = factories.run()
    claim(run.id, "d1")
    change(run, dispatched_at=ago(600))
    sweep(["default"])
    assert dispatched(run) < ago(500)


def test_a_lease_from_before_the_clock_was_set_back_ends_as_soon_as_any() -> None:
    run = factories.run()
    claim(run.id, "d1")
    change(run, lease_until=ago(-600))
    sweep(["default"])
    run.refresh_from_db()
    assert run.lease_until is not None
    assert ago(0) < run.lease_until <= ago(-settings.LEASE_SECONDS)


def test_a_lease_of_now_is_left_as_it_is() -> None:
    run = factories.run()
    claim(run.id, "d1")
    run.refresh_from_db()
    before = run.lease_until
    sweep(["default"])
    run.refresh_from_db()
    assert run.lease_until == before


def test_a_parked_run_is_published_when_its_wait_is_over_and_not_before() -> None:
    run = factories.run()
    held = claim(run.id, "d1")
    assert held is not None
    held.release(timedelta(hours=1))
    sweep(["default"])
    assert dispatched(run) is None
    change(run, resume_at=ago(1))
    sweep(["default"])
    assert dispatched(run) is not None


def test_a_parked_run_is_woken_once_when_its_wait_is_over_and_not_before() -> None:
    run = factories.run()
    held = claim(run.id, "d1")
    assert held is not None
    held.release(timedelta(hours=1))
    assert wake(["default"]) == 0
    change(run, resume_at=ago(1))
    assert wake(["elsewhere"]) == 0
    assert (wake(["default"]), wake(["default"])) == (1, 0)


def test_between_slices_and_before_the_first_there_is_nobody_to_wake() -> None:
    run = factories.run(dispatch=False)
    assert wake(["default"]) == 0
    held = claim(run.id, "d1")
    assert held is not None
    held.release()
    assert wake(["default"]) == 0


def test_a_stop_whose_daemon_died_is_ended_and_not_run_again() -> None:
    run = factories.run()
    claim(run.id, "d1")
    assert request_stop(run, actor="someone").status == RunStatus.RUNNING
    change(run, lease_until=ago(1))
    sweep(["default"])
    run.refresh_from_db()
    assert (run.status, run.stop_requested_by) == (RunStatus.STOPPED, "someone")


@pytest.fixture
def broker_is_gone() -> Iterator[None]:
    """Whatever is published in the test goes to an address where nothing listens."""
    usual = current_app._get_current_object()
    with Celery("gone") as gone:
        gone.conf.broker_write_url = "redis://127.0.0.1:1/0"  # CELERY_BROKER_URL would outdo broker_url
        gone.set_current()
        yield
    usual.set_current()


@pytest.mark.usefixtures("broker_is_gone")
def test_a_sweep_tries_a_broker_that_is_gone_once() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    for number in range(3):
        factories.run(account=account, job=job, args={"number": number}, dispatch=False)
    with capture_logs() as lines:
        assert sweep(["default"]) == 0
    assert len([line for line in lines if line["log_level"] == "warning"]) == 1


def test_a_daemon_does_not_tell_of_runs_that_only_other_groups_can_take() -> None:
    run = factories.run(dispatch=False, daemon_group_key="elsewhere")
    sweep(["default"])
    assert dispatched(run) is None
    sweep(["default", "elsewhere"])
    assert dispatched(run) is not None
