"""Failures and warnings that a person settles, and opens again."""

from __future__ import annotations

import pytest

from runs.models import Action, AuditEntry, RunStatus, SyncJobRun
from runs.services import acknowledge_failure, acknowledge_failures, reopen_failure
from tests import factories
from tests.dashboard import states


def actions(run: SyncJobRun) -> list[tuple[str, str, str]]:
    lines = AuditEntry.objects.filter(target_id=str(run.pk)).order_by("created_at")
    return list(lines.values_list("action", "actor", "reason"))


@pytest.mark.parametrize("state", [states.failed, states.warned])
def test_acknowledging_settles_it_in_a_persons_name_once(run: SyncJobRun, state: object) -> None:
    state(run)  # type: ignore[operator]
    assert run.can(Action.ACKNOWLEDGE)
    assert acknowledge_failure(run, actor="olga", reason="known outage")
    assert not acknowledge_failure(run, actor="otto")
    run.refresh_from_db()
    assert (run.acknowledged_by, run.is_unsettled) == ("olga", False)
    assert actions(run) == [("run.acknowledge", "olga", "known outage")]


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.STOPPED])
def test_what_needs_nobody_is_neither_acknowledged_nor_opened(run: SyncJobRun, status: RunStatus) -> None:
    states.ended(run, status)
    assert not acknowledge_failure(run, actor="olga")
    assert not reopen_failure(run, actor="olga")
    assert (run.can(Action.ACKNOWLEDGE), run.can(Action.REOPEN), actions(run)) == (False, False, [])


def test_reopening_keeps_it_open_whatever_later_runs_bring(run: SyncJobRun) -> None:
    states.failed(run)
    states.ended(factories.run(job=run.sync_job, account=run.integrated_account), RunStatus.COMPLETED)
    run.refresh_from_db()
    assert run.can(Action.REOPEN)
    assert reopen_failure(run, actor="olga")
    assert not reopen_failure(run, actor="olga")
    states.ended(factories.run(job=run.sync_job, account=run.integrated_account), RunStatus.COMPLETED)
    run.refresh_from_db()
    assert (run.is_unsettled, run.keep_open) == (True, True)
    assert acknowledge_failure(run, actor="otto")
    run.refresh_from_db()
    assert (run.is_unsettled, run.keep_open) == (False, False)
    assert [action for action, *_ in actions(run)] == ["run.reopen", "run.acknowledge"]


def test_of_many_each_has_a_line_of_its_own_and_the_settled_ones_none(run: SyncJobRun) -> None:
    others = [factories.run(job=run.sync_job, account=run.integrated_account, args={"n": n}) for n in range(3)]
    for other in others:
        states.failed(other)
    acknowledge_failure(others[0], actor="otto")
    assert acknowledge_failures(others, actor="olga") == 2
    assert AuditEntry.objects.filter(action="run.acknowledge").count() == 3


@pytest.mark.parametrize("action", list(Action))
def test_the_query_and_the_run_agree_on_what_is_possible(run: SyncJobRun, action: Action) -> None:
    made = [factories.run(job=run.sync_job, account=run.integrated_account, args={"n": n}) for n in range(6)]
    states.failed(made[0])
    states.warned(made[1])
    acknowledge_failure(states.failed(made[2]), actor="olga")
    states.ended(made[3], RunStatus.COMPLETED)
    states.ended(made[4], RunStatus.STOPPED)
    found = set(SyncJobRun.objects.that_can(action))
    assert found == {each for each in SyncJobRun.objects.all() if each.can(action)}
