"""Matrix 4a, rows 1 to 9: processes that die, freeze or hang."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.acceptance.gate import Gate
from tests.faults.conftest import Row
from tests.faults.invariants import Expected
from tests.faults.orders import Order
from tests.faults.stage import Stage
from tests.processes import Process, wait_until

POINTS_OF_A_PAGE = ("after_records_before_commit", "after_commit")
POINTS_AT_THE_ENDS = ("after_claim", "before_first_request", "before_completed", "at_end_before_commit")

WORKER_GONE = 10.0  # seconds


def rescues(stage: Stage, run_id: str) -> str:
    seconds = stage.silences(run_id)
    return f"taken over after {max(seconds):.1f} s" if seconds else "nothing to take over"


def test_row_01_a_killed_pool_child(any_stage: Stage, row: Row) -> None:
    """kill -9 of a pool's child in mid page; its parent lives."""
    any_stage.source.pause = 0.05
    any_stage.daemon(pool="prefork")
    any_stage.orders.give(Order("kill", "after_response", at=row.random.randint(2, 4)))
    run_id = any_stage.create_run()
    run = any_stage.drained([run_id])[run_id]

    assert (len(any_stage.orders.carried_out()), run["attempt"]) == (1, 2)
    row.judge(any_stage, "LDSTFX", Expected([run_id]))
    row.showed(f"{rescues(any_stage, run_id)}, attempt 2")


def test_row_02_a_killed_daemon(any_stage: Stage, row: Row) -> None:
    """kill -9 of the main worker and its children."""
    any_stage.source.pause = 0.05
    first = any_stage.daemon()
    run_id = any_stage.create_run()
    wait_until(lambda: len(any_stage.source.served) > 8 + row.random.randrange(8), 30, "requests")
    first.kill()
    any_stage.daemon()
    run = any_stage.drained([run_id])[run_id]

    assert run["attempt"] == 2
    row.judge(any_stage, "LDSTFX", Expected([run_id]))
    row.showed(f"{rescues(any_stage, run_id)}, attempt 2")


@pytest.mark.parametrize("point", POINTS_OF_A_PAGE)
def test_row_03_killed_around_a_commit(any_stage: Stage, row: Row, point: str) -> None:
    """kill -9 between the records and the commit, and right after the commit."""
    any_stage.source.pause = 0.05
    any_stage.orders.give(Order("kill", point, at=row.random.randint(1, 3)))
    any_stage.daemon(pool="prefork")
    run_id = any_stage.create_run()
    any_stage.carried_out()
    row.judge(any_stage, "D", Expected([run_id], whole=False))  # wholly there or wholly absent, as the counts are
    any_stage.drained([run_id])

    row.judge(any_stage, "LDSTF", Expected([run_id]))
    row.showed(f"{point}: {rescues(any_stage, run_id)}")


@pytest.mark.parametrize("point", POINTS_AT_THE_ENDS)
def test_row_04_killed_at_either_end(any_stage: Stage, row: Row, point: str) -> None:
    """kill -9 between claim and first request, and between last page and end."""
    any_stage.orders.give(Order("kill", point))
    any_stage.daemon(pool="prefork")
    run_id = any_stage.create_run()
    any_stage.drained([run_id])

    assert len(any_stage.orders.carried_out()) == 1
    row.judge(any_stage, "LDSTF", Expected([run_id]))
    row.showed(f"{point}: {rescues(any_stage, run_id)}")


def test_row_05_a_deploy(stage: Stage, row: Row) -> None:
    """SIGTERM to a daemon with 20 runs, while the next version's daemon is there already."""
    gate = stage.source.before = Gate(answered=60)
    old = stage.daemon(concurrency=20)
    runs = [stage.create_run(integrated_account_id=stage.account(f"tenant {number}")) for number in range(20)]
    gate.await_arrival()
    new = stage.daemon(concurrency=20)
    begun = time.monotonic()
    old.signal(signal.SIGTERM)
    gate.open()
    old.wait(20)
    ended_within = time.monotonic() - begun
    ended = stage.drained(runs)

    assert {run["attempt"] for run in ended.values()} == {1}, "a deploy is no lost daemon"
    assert ended_within < WORKER_GONE
    assert not any(stage.silences(run_id) for run_id in runs)
    row.judge(stage, "DSF", Expected(runs))
    row.judge_each(stage, ended)
    taken = sum(run["daemon_id"] == name_of(stage, new) for run in ended.values())
    row.showed(f"the daemon was gone after {ended_within:.1f} s, {taken} runs went on in the other, none was charged")


def name_of(stage: Stage, process: Process) -> str:
    rows = stage.deck.rows("SELECT daemon_id, metadata ->> 'pid' FROM runs_daemon")
    return next(str(name) for name, pid in rows if int(pid) == process.pid)


def test_row_06_a_whole_group_told_to_end(stage: Stage, row: Row) -> None:
    """SIGTERM to parent and children at once: the message is lost with the child."""
    stage.source.pause = 0.1
    daemon = stage.daemon(pool="prefork")
    run_id = stage.create_run()
    wait_until(lambda: len(stage.source.served) > 6, 30, "requests")
    os.killpg(daemon.pid, signal.SIGTERM)
    daemon.wait(20)
    stage.daemon()
    stage.drained([run_id])

    row.judge(stage, "LDSTF", Expected([run_id]))
    row.showed(rescues(stage, run_id))


@pytest.mark.parametrize("place", [pytest.param("in mid transaction", marks=pytest.mark.quick), "in mid request"])
def test_row_07_a_zombie(stage: Stage, row: Row, place: str) -> None:
    """SIGSTOP for several leases, then SIGCONT, in mid transaction and in mid request."""
    stage.source.pause = 0.05
    point = "after_records_before_commit" if place == "in mid transaction" else "after_response"
    stage.orders.give(Order("stop", point, at=2))
    zombie = stage.daemon(DATABASE_URL=with_short_patience(stage))
    run_id = stage.create_run()
    stage.carried_out()
    stage.daemon()
    stage.drained([run_id])
    zombie.signal(signal.SIGCONT)
    zombie.says("The lease is lost" if place == "in mid request" else "The database failed")

    row.judge(stage, "LDSF", Expected([run_id]))
    row.showed(f"{place}: {rescues(stage, run_id)}; the zombie wrote nothing and left")


def with_short_patience(stage: Stage) -> str:
    """The database's address for a daemon whose idle transactions are broken off after a second, not thirty."""
    return f"{stage.deck.database_url}?options=-c%20idle_in_transaction_session_timeout%3D1000"


def test_row_08_a_hung_main_loop(stage: Stage, row: Row) -> None:
    """The heartbeat goes on, and the thread that works hangs for good."""
    stage.orders.give(Order("hang", "after_response", at=2))
    stage.daemon()
    run_id = stage.create_run()
    stage.carried_out()
    stage.drained([run_id])

    assert stage.deck.rows("SELECT count(*) FROM runs_daemon WHERE status = 'active'") == [(1,)]
    row.judge(stage, "LDSTF", Expected([run_id]))
    row.showed(f"{rescues(stage, run_id)} by the same daemon's other thread: no lease is kept by a heartbeat")


def test_row_09_dead_on_the_same_page_each_time(stage: Stage, row: Row) -> None:
    """The process is killed on the same page each time, as if it took all memory."""
    stage.source.pause = 0.05
    stage.orders.give(*(Order("kill", "after_response", at=2 if number == 0 else 1) for number in range(5)))
    stage.daemon(pool="prefork")
    run_id = stage.create_run()
    run = stage.drained([run_id])[run_id]
    deaths = len(stage.orders.carried_out())
    stage.orders.withdraw()

    assert run["error"]["code"] == "worker_lost"
    row.judge(stage, "DSF", Expected([run_id], statuses=["failed"], whole=False))
    row.judge(stage, "A", Expected([], whole=False))
    row.showed(f"failed after {deaths} deaths without a page: {run['error']['message']}")
