"""Matrix 4a, rows 20 to 23: several want the same, and clocks differ."""

from __future__ import annotations

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.faults.conftest import Row
from tests.faults.invariants import Expected
from tests.faults.stage import Stage
from tests.processes import wait_until

HOUR, DAY = 3_600.0, 86_400.0
NEW_YEAR = "0 0 1 1 *"
RESCUE_BOUND = 15.0  # seconds: a daemon's start, two sweeps, a lease, and five

OWN_CLOCK = (
    "CREATE SCHEMA clock",
    "CREATE TABLE clock.step (by interval NOT NULL)",
    "INSERT INTO clock.step VALUES ('0')",
    """
    CREATE FUNCTION clock.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
      'SELECT pg_catalog.statement_timestamp() + by FROM clock.step'""",
    """
    DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET search_path = clock, pg_catalog, public', current_database());
    END $$""",
    """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()""",
)

MANY_RUNS = """
from runs.models import IntegratedAccount, RunTrigger, SyncJob
from runs.services import Origin, RunRequest, create_run
job, account = SyncJob.objects.get(), IntegratedAccount.objects.get()
for number in range({count}):
    create_run(RunRequest(job, account, force=True), Origin(RunTrigger.CLI, "tests"), dispatch=False)
"""


@pytest.mark.parametrize(
    ("processes", "threads", "rounds"),
    [
        pytest.param(2, 8, 60, id="16 workers"),
        pytest.param(2, 8, 2_000, id="16 workers, 2,000 rounds"),
        pytest.param(4, 16, 1_600, id="64 workers, 100,000 claims"),
    ],
)
def test_row_20_all_claim_the_same_run(stage: Stage, row: Row, processes: int, threads: int, rounds: int) -> None:
    """Many workers claim the same run, round after round."""
    made = stage.deck.processes.manage("shell", "-c", MANY_RUNS.format(count=rounds))
    assert made.wait(300) == 0, made.log()
    start = stage.deck.processes.start
    started = [
        start(sys.executable, "-m", "tests.faults.claimants", f"worker-{number}", str(threads), name="claimant")
        for number in range(processes)
    ]
    for process in started:
        assert process.wait(580) == 0, process.log()
    won = Counter(line for process in started for line in process.log().split())

    assert len(won) == rounds
    assert set(won.values()) == {1}
    assert stage.deck.rows("SELECT DISTINCT status, attempt FROM runs_syncjobrun") == [("running", 1)]
    row.passed(stage, "D")
    row.showed(f"{processes * threads * rounds} claims by {processes * threads} workers: {rounds} runs, each won once")


def test_row_21_three_of_each(stage: Stage, row: Row) -> None:
    """Three schedulers and three sweeping daemons, of which two each are killed."""
    target = {"sync_job_id": stage.deck.job_id, "integrated_account_id": stage.deck.account_id}
    for number in range(6):
        wishes = {"cron_expression": NEW_YEAR, "args": {"number": number}, "daemon_group_key": stage.deck.group}
        stage.deck.post("/sync-job-cron-trigger", {**target, **wishes})
    schedulers = [stage.deck.scheduler(f"beat-{number}") for number in range(3)]
    daemons = [stage.daemon() for _ in range(3)]
    stage.deck.change("UPDATE runs_crontrigger SET next_run_at = '2026-01-01 00:00:00'")
    fired = "SELECT cron_trigger_id, count(*) FROM runs_syncjobrun GROUP BY cron_trigger_id"
    wait_until(lambda: len(stage.deck.rows(fired)) == 6, 30, "a run of each trigger")
    for process in (*schedulers[:2], *daemons[:2]):
        process.kill()
    runs = [str(run_id) for (run_id,) in stage.deck.rows("SELECT id FROM runs_syncjobrun")]
    stage.drained(runs)

    assert {count for _, count in stage.deck.rows(fired)} == {1}
    row.judge(stage, "LDSF", Expected(runs))
    row.showed("six slots, six runs, all completed")


@pytest.mark.parametrize("clock", [HOUR, -HOUR, 2 * DAY, -2 * DAY])
def test_row_22_a_wrong_clock(stage: Stage, row: Row, clock: float) -> None:
    """A daemon's clock is an hour or two days ahead or behind, beside one that is right."""
    stage.source.pause = 0.4  # the run takes longer than its lease
    stage.daemon(clock=clock, concurrency=1)
    stage.daemon(concurrency=1)
    runs = [stage.create_run(), stage.create_run(integrated_account_id=stage.account("second"))]
    ended = stage.drained(runs)

    assert len({run["daemon_id"] for run in ended.values()}) == 2, "each daemon was to have one"
    assert {run["attempt"] for run in ended.values()} == {1}, "no rescue of what was not lost"
    assert {daemon["status"] for daemon in stage.deck.get("/daemon")["result"]} == {"active"}
    row.judge(stage, "LDSF", Expected(runs))
    row.showed(f"{clock:+.0f} s: two runs longer than their lease, neither was taken over")


def set_back(stage: Stage, seconds: float) -> None:
    """The database's clock, for all that ask it from now on."""
    stage.deck.change(f"UPDATE clock.step SET by = '-{seconds} s'")


@pytest.fixture
def own_clock(stage: Stage) -> None:
    """The database tells the time by a clock of its own, which stands before PostgreSQL's where names are looked up.

    Connections that are open already are cut: they would go by the other one.
    """
    for statement in OWN_CLOCK:
        stage.deck.change(statement)


def test_row_22_a_clock_set_back_under_living_daemons(stage: Stage, row: Row, own_clock: None) -> None:
    """The database's clock is set back by two minutes while two runs are held."""
    stage.source.pause = 0.4
    stage.daemon(concurrency=1)
    stage.daemon(concurrency=1)
    runs = [stage.create_run(), stage.create_run(integrated_account_id=stage.account("second"))]
    wait_until(lambda: len(stage.source.served) > 10, 30, "requests")
    set_back(stage, 120)
    later = stage.create_run(integrated_account_id=stage.account("third"))
    ended = stage.drained([*runs, later])

    assert {run["attempt"] for run in ended.values()} == {1}, "no rescue of what was not lost"
    assert not any(stage.silences(run_id) for run_id in ended)
    row.judge(stage, "SF", Expected(list(ended)))
    row.judge_each(stage, ended)
    row.showed("-120 s under two living daemons: none was taken over, and a run that came later went on at once")


def test_row_22_a_clock_set_back_behind_a_lost_daemon(stage: Stage, row: Row, own_clock: None) -> None:
    """The database's clock is set back by two minutes after a daemon was killed: its lease ends far ahead."""
    stage.source.pause = 0.05
    first = stage.daemon()
    run_id = stage.create_run()
    wait_until(lambda: len(stage.source.served) > 8, 30, "requests")
    first.kill()
    set_back(stage, 120)
    begun = time.monotonic()
    stage.daemon()
    wait_until(lambda: stage.attempt(run_id) == 2, 60, "a takeover")
    seconds = time.monotonic() - begun
    ended = stage.drained([run_id])[run_id]

    assert ended["attempt"] == 2
    assert seconds < RESCUE_BOUND, "set back by two minutes, and not late by them"
    row.judge(stage, "LDSF", Expected([run_id]))
    row.showed(f"-120 s behind a lost daemon: taken over once, within {seconds:.1f} s, a new daemon's start with it")


def test_row_23_creating_the_same_at_once(stage: Stage, row: Row) -> None:
    """Eight threads create a run of the same job and account at once, ten times over."""
    body = {
        "sync_job_id": stage.deck.job_id,
        "integrated_account_id": stage.deck.account_id,
        "daemon_group_key": "nobodys",
    }
    for number in range(10):
        wanted = {**body, "args": {"number": number}}
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _, wanted=wanted: create(stage, wanted), range(8)))
        made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
        refused = [answer.json()["details"]["live_run_id"] for answer in answers if answer.status_code == 409]
        assert len(made) == 1, [answer.text for answer in answers]
        assert refused == made * 7

    row.passed(stage, "DS")
    row.judge(stage, "X", Expected([made[0]]))
    row.showed("each time one was made, and seven were told of it by 409")


def create(stage: Stage, body: dict[str, object]) -> httpx2.Response:
    return stage.deck.api.post("/sync-job-run", json=body)
