"""At most one worker writes to a run."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from runs.engine.claim import Claim, LeaseLost, StopRequested, claim
from runs.models import EventKind, RunStatus, SyncJobRun
from runs.services import request_stop
from runs.wire import wire_time
from tests import factories


def let_lease_expire(run: SyncJobRun) -> None:
    SyncJobRun.objects.filter(id=run.id).update(lease_until=timezone.now() - timedelta(seconds=1))


def taken(run: SyncJobRun, daemon: str = "d1") -> Claim:
    found = claim(run.id, daemon)
    assert found is not None
    run.refresh_from_db()
    return found


def test_a_claim_starts_the_run(run: SyncJobRun) -> None:
    taken(run)
    assert (run.status, run.daemon_id, run.attempt, run.crashes) == (RunStatus.RUNNING, "d1", 1, 0)
    assert run.started_at is not None
    assert run.events.filter(kind=EventKind.STARTED).count() == 1


def test_a_claimed_run_can_not_be_claimed_again(run: SyncJobRun) -> None:
    taken(run)
    assert claim(run.id, "d2") is None


def test_a_run_left_behind_is_taken_over_and_keeps_its_start(run: SyncJobRun) -> None:
    taken(run)
    started = run.started_at
    let_lease_expire(run)
    taken(run, "d2")
    assert (run.daemon_id, run.attempt, run.crashes, run.started_at) == ("d2", 2, 1, started)
    assert run.events.filter(kind=EventKind.WORKER_LOST).count() == 1


def test_a_takeover_notes_what_the_lost_daemon_had_come_to(run: SyncJobRun) -> None:
    taken(run).hold(fetched=70, persisted=69, error_count=1)
    let_lease_expire(run)
    taken(run, "d2")
    noted = run.events.get(kind=EventKind.WORKER_LOST).details
    assert noted.pop("silent_since") < wire_time(timezone.now())
    assert noted == {"attempt": 1, "daemon_id": "d1", "fetched": 70, "persisted": 69, "error_count": 1}


def test_a_released_run_is_claimed_again_without_being_charged(run: SyncJobRun) -> None:
    assert taken(run).release()
    taken(run, "d2")
    assert (run.attempt, run.crashes, run.status) == (1, 0, RunStatus.RUNNING)


def test_a_parked_run_is_not_claimed_before_its_time(run: SyncJobRun) -> None:
    taken(run).release(timedelta(hours=1))
    assert claim(run.id, "d2") is None
    SyncJobRun.objects.filter(id=run.id).update(resume_at=timezone.now() - timedelta(seconds=1))
    taken(run, "d2")
    assert (run.resume_at, run.rate_limited_until) == (None, None)


@pytest.mark.parametrize("state", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED])
def test_an_ended_run_is_never_claimed(run: SyncJobRun, state: RunStatus) -> None:
    SyncJobRun.objects.filter(id=run.id).update(status=state, finished_at=timezone.now())
    assert claim(run.id, "d1") is None


def test_a_run_that_was_asked_to_stop_is_not_claimed(run: SyncJobRun) -> None:
    SyncJobRun.objects.filter(id=run.id).update(stop_requested_at=timezone.now())
    assert claim(run.id, "d1") is None


def test_the_fence_refuses_a_worker_that_was_taken_over(run: SyncJobRun) -> None:
    zombie = taken(run)
    let_lease_expire(run)
    taken(run, "d2")
    with pytest.raises(LeaseLost), transaction.atomic():
        zombie.hold(fetched=99)
    assert not zombie.release()
    assert not zombie.finish(RunStatus.COMPLETED, "done")
    run.refresh_from_db()
    assert (run.fetched, run.daemon_id, run.status) == (0, "d2", RunStatus.RUNNING)


def test_the_fence_tells_of_a_stop_and_writes_nothing(run: SyncJobRun) -> None:
    holder = taken(run)
    request_stop(run, actor="someone")
    with pytest.raises(StopRequested), transaction.atomic():
        holder.hold(fetched=99)
    run.refresh_from_db()
    assert (run.fetched, run.status) == (0, RunStatus.RUNNING)


def test_a_stop_that_came_first_wins_over_completion(run: SyncJobRun) -> None:
    holder = taken(run)
    request_stop(run, actor="someone")
    assert not holder.finish(RunStatus.COMPLETED, "done")
    assert holder.finish(RunStatus.STOPPED, "stopped")
    run.refresh_from_db()
    assert run.status == RunStatus.STOPPED


def test_a_final_state_is_never_left(run: SyncJobRun) -> None:
    holder = taken(run)
    assert holder.finish(RunStatus.COMPLETED, "done")
    assert not holder.finish(RunStatus.FAILED, "late")
    run.refresh_from_db()
    assert (run.status, run.error) == (RunStatus.COMPLETED, None)


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_at_once_one_wins_each_run() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    ids = [factories.run(account=account, job=job, args={"n": number}).id for number in range(25)]
    wins: list[Any] = []
    start = threading.Barrier(8)

    def work(name: str) -> None:
        start.wait()
        try:
            wins.extend(run_id for run_id in ids if claim(run_id, name))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"d{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == sorted(ids)
