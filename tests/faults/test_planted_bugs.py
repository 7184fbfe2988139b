"""The harness proven: each guard that is taken out of the product turns the checker red, by the letter it stands for.

Every scene is one of the rows; with its guard in place the same scene shows nothing.
"""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.gate import Gate
from tests.faults.invariants import Checker, Expected
from tests.faults.orders import Order
from tests.faults.stage import Stage
from tests.processes import wait_until

HONEST = "-"


def findings(stage: Stage, letters: str, expected: Expected) -> set[str]:
    """The letters of what the checker finds."""
    return {finding[0] for finding in Checker(stage, expected).check(letters)}


def planted(bug: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bug", [HONEST, pytest.param(bug, marks=pytest.mark.quick)])


@planted("no_fence")
def test_a_zombie_without_a_fence_is_seen(stage: Stage, bug: str) -> None:
    stage.source.pause = 0.05
    stage.planted = bug
    stage.orders.give(Order("stop", "after_response", at=2))
    zombie = stage.daemon()
    run_id = stage.create_run()
    stage.carried_out()
    stage.planted = HONEST
    stage.daemon()
    stage.drained([run_id])
    zombie.signal(signal.SIGCONT)
    if bug == HONEST:
        zombie.says("The lease is lost")
    else:
        wait_until(lambda: findings(stage, "F", Expected([run_id])), 30, "a write by one who does not own the run")

    assert findings(stage, "F", Expected([run_id])) == (set() if bug == HONEST else {"F"})


@planted("checkpoint_first")
def test_a_checkpoint_ahead_of_its_records_is_seen(stage: Stage, bug: str) -> None:
    stage.planted = bug
    stage.orders.give(Order("kill", "after_checkpoint_before_records"))
    stage.daemon(pool="prefork")
    run_id = stage.create_run()
    stage.drained([run_id])

    assert findings(stage, "L", Expected([run_id])) == (set() if bug == HONEST else {"L"})


@planted("no_stop_check")
def test_a_stop_that_nobody_looks_at_is_seen(stage: Stage, bug: str) -> None:
    gate = stage.source.before = Gate(answered=6)
    stage.planted = bug
    stage.daemon()
    run_id = stage.create_run()
    gate.await_arrival()
    stage.deck.post(f"/sync-job-run/{run_id}/stop", {})
    gate.open()
    stage.drained([run_id])

    expected = Expected([run_id], statuses=["stopped"], whole=False)
    assert findings(stage, "S", expected) == (set() if bug == HONEST else {"S"})


@planted("no_tenant_filter")
def test_a_missing_filter_of_tenants_is_seen(stage: Stage, bug: str) -> None:
    run_id = stage.create_run()

    with stage.web(bug) as foreign:
        stage.foreign = foreign
        found = findings(stage, "X", Expected([run_id]))
    assert found == (set() if bug == HONEST else {"X"})
