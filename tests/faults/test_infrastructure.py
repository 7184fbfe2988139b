"""Matrix 4a, rows 10 to 18: the database and the broker restart, vanish, stall or lie."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests import own_servers, services
from tests.acceptance.gate import Gate
from tests.faults.conftest import Row
from tests.faults.invariants import Expected
from tests.faults.ledgers import SourceLedger
from tests.faults.proxy import Proxy, proxied
from tests.faults.stage import Ground, Stage, staged_on
from tests.own_servers import OwnPostgres, OwnRedis, own_postgres, own_redis
from tests.processes import Process, wait_until

LEASE = 3.0  # seconds, of every stage
OUTAGE = 4 * LEASE  # what stands for minutes: everything that waits by a lease or a sweep has done so several times
SOON = 2.0  # seconds that an API call may take while the broker is gone


@pytest.fixture
def cluster(server_base: Ground) -> Iterator[OwnPostgres]:
    if lacking := own_servers.lacking():
        pytest.skip(f"No {' and no '.join(lacking)}")
    with own_postgres() as found:
        yield found


@pytest.fixture
def broker(server_base: Ground) -> Iterator[OwnRedis]:
    if lacking := own_servers.lacking():
        pytest.skip(f"No {' and no '.join(lacking)}")
    with own_redis() as found:
        yield found


@pytest.fixture
def broker_stage(server_base: Ground, tmp_path: Path, source: SourceLedger, broker: OwnRedis) -> Iterator[Stage]:
    with staged_on(server_base, tmp_path / "data", source, broker=broker.url) as found:
        found.define()
        yield found


@pytest.fixture
def wire(stage: Stage) -> Iterator[Proxy]:
    """Between the stage's database and the daemons that are told so."""
    with proxied(stage.deck.database_url) as found:
        yield found


def last(seconds: float) -> None:
    """An outage lasts this long: a fault of time, which nothing else tells the end of."""
    threading.Event().wait(seconds)


def under_way(stage: Stage, requests: int = 8) -> None:
    before = len(stage.source.served)
    wait_until(lambda: len(stage.source.served) >= before + requests, 30, f"{requests} more requests")


def test_row_10_postgresql_restarts(
    server_base: Ground, cluster: OwnPostgres, tmp_path: Path, source: SourceLedger, row: Row
) -> None:
    """PostgreSQL is restarted at once, in mid run."""
    template = services.DATABASE_URL.rpartition("/")[0] + f"/{server_base.template}"
    cluster.copy(template)
    with staged_on(server_base, tmp_path / "data", source, database=cluster.url) as stage:
        stage.define()
        source.pause = 0.1
        stage.daemon()
        run_id = stage.create_run()
        under_way(stage)
        cluster.stop()
        cluster.start()
        back = time.monotonic()
        stage.drained([run_id])
        took = time.monotonic() - back

        row.judge(stage, "LDSF", Expected([run_id]))
        row.showed(f"completed {took:.0f} s after the database was back, the rest of the run included")


def test_row_11_postgresql_is_away(stage: Stage, row: Row) -> None:
    """PostgreSQL lets nobody in for several leases, with runs under way and a page asked for."""
    stage.source.pause = 0.1
    stage.daemon(concurrency=4)
    runs = [stage.create_run(integrated_account_id=stage.account(f"tenant {number}")) for number in range(4)]
    under_way(stage)
    with stage.browser() as browser, services.outage(stage.deck.group.replace("-", "_")):
        last(OUTAGE)
        answer = stage.deck.api.get("/sync-job-run")
        page = browser.get("/runs/", headers={"Accept": "text/html"})
    ended = stage.drained(runs)

    attempts = sorted(run["attempt"] for run in ended.values())
    assert (answer.status_code, page.status_code) == (503, 503), answer.text
    assert "The database is away" in page.text
    assert attempts[-1] <= 2, "rescued more than once"
    row.judge(stage, "DSF", Expected(runs))
    row.judge_each(stage, ended)
    row.judge(stage, "A", Expected(runs))
    row.showed(f"API and pages answered 503; {len(runs)} runs completed, with attempts {attempts}; none failed")


@pytest.mark.parametrize("how", ["cut", "stalled"])
def test_row_12_a_daemon_without_its_database(stage: Stage, wire: Proxy, row: Row, how: str) -> None:
    """The daemon alone is cut off from its database, and still reaches the source."""
    gate = stage.source.before = Gate(answered=8)
    cut_off = stage.daemon(DATABASE_URL=wire.url(stage.deck.database_url))
    run_id = stage.create_run()
    gate.await_arrival()
    stage.daemon()
    (wire.cut if how == "cut" else wire.stall)()
    gate.open()
    stage.drained([run_id])
    served = len(stage.source.served)
    wire.mend()
    wait_until(lambda: beats_again(stage, cut_off), 30, "a heartbeat of the daemon that was cut off")

    row.judge(stage, "LDSTF", Expected([run_id]))
    assert len(stage.source.served) == served, "it goes on asking"
    row.showed(f"{how}: {rescues(stage, run_id)}; the daemon that was cut off wrote nothing and asked no more")


def beats_again(stage: Stage, process: Process) -> bool:
    fresh = "last_active_at > clock_timestamp() - interval '2 s'"
    return bool(stage.deck.rows(f"SELECT 1 FROM runs_daemon WHERE metadata ->> 'pid' = '{process.pid}' AND {fresh}"))


def rescues(stage: Stage, run_id: str) -> str:
    seconds = stage.silences(run_id)
    return f"taken over after {max(seconds):.1f} s" if seconds else "nothing to take over"


@pytest.mark.quick
def test_row_13_the_answer_of_a_commit_is_lost(stage: Stage, wire: Proxy, row: Row) -> None:
    """The server commits a page and its answer never arrives."""
    stage.source.pause = 0.1
    stage.daemon(DATABASE_URL=wire.url(stage.deck.database_url))
    wire.hide_next_commit()
    run_id = stage.create_run()
    stage.drained([run_id])

    assert wire.hidden == 1
    row.judge(stage, "LDSF", Expected([run_id]))
    row.showed(f"the page was counted once; {rescues(stage, run_id)}")


FAILING = """
    CREATE SEQUENCE faults_times;
    CREATE FUNCTION faults_fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('faults_times') <= {times} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER faults_failing BEFORE INSERT ON runs_record FOR EACH STATEMENT EXECUTE FUNCTION faults_fail()"""


@pytest.mark.parametrize(("name", "code"), [("deadlock", "40P01"), ("serialisation", "40001"), ("lock", "55P03")])
def test_row_14_conflicts_in_the_database(stage: Stage, row: Row, name: str, code: str) -> None:
    """A deadlock, a serialisation failure, a lock that is not given, each on the first two writes of a page."""
    stage.deck.change(FAILING.format(times=2, code=code))
    stage.daemon()
    run_id = stage.create_run()
    run = stage.drained([run_id])[run_id]

    row.judge(stage, "LDSTF", Expected([run_id]))
    row.showed(f"{name}: completed at attempt {run['attempt']}")


@pytest.mark.parametrize("fault", ["disk full", "read-only"])
def test_row_15_the_database_takes_no_writes(stage: Stage, row: Row, fault: str) -> None:
    """The database's disk is full, or it is read-only, for several leases."""
    stage.source.pause = 0.1
    stage.daemon()
    run_id = stage.create_run()
    under_way(stage)
    if fault == "disk full":
        stage.deck.change(FAILING.format(times=1_000_000_000, code="53100"))
        last(OUTAGE)
        stage.deck.change("DROP TRIGGER faults_failing ON runs_record")
    else:
        read_only(stage, True)
        last(OUTAGE)
        read_only(stage, False)
    run = stage.drained([run_id])[run_id]

    row.judge(stage, "LDSFA", Expected([run_id]))
    row.showed(f"{fault}: completed at attempt {run['attempt']} once it took writes again")


def read_only(stage: Stage, wished: bool) -> None:
    """For every session from now on; those that there are end."""
    name = stage.deck.group.replace("-", "_")
    with psycopg.connect(services.DATABASE_URL, autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {str(wished).lower()}')
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def test_row_16_redis_is_emptied(broker_stage: Stage, broker: OwnRedis, row: Row) -> None:
    """FLUSHALL with 100 runs queued and 10 running."""
    stage = broker_stage
    gate = stage.source.before = Gate(answered=20)
    stage.daemon(concurrency=10)
    runs = [stage.create_run(integrated_account_id=stage.account(f"tenant {number}")) for number in range(110)]
    gate.await_arrival()
    broker.empty()
    gate.open()
    stage.drained(runs, 300)

    row.judge(stage, "DSF", Expected(runs))
    row.showed(f"all {len(runs)} runs completed")


def test_row_17_redis_is_down(broker_stage: Stage, broker: OwnRedis, row: Row) -> None:
    """Redis is down for several sweeps, and a run is created in that time."""
    stage = broker_stage
    stage.daemon()
    broker.stop()
    begun = time.monotonic()
    run_id = stage.create_run()
    answered = time.monotonic() - begun
    assert answered < SOON
    last(OUTAGE)
    assert stage.deck.run(run_id)["status"] == "created"
    broker.start()
    back = time.monotonic()
    stage.drained([run_id])
    took = time.monotonic() - back

    row.judge(stage, "LDSFA", Expected([run_id]))
    row.showed(f"the API answered within {answered:.1f} s; the run completed {took:.0f} s after Redis was back")


def test_row_18_redis_resets_every_connection(
    server_base: Ground, tmp_path: Path, source: SourceLedger, broker: OwnRedis, row: Row
) -> None:
    """Every connection to Redis is reset, fifty times within ten seconds."""
    with proxied(broker.url) as wire, staged_on(server_base, tmp_path / "data", source, broker=broker.url) as stage:
        stage.define()
        stage.daemon(CELERY_BROKER_URL=wire.url(broker.url))
        for _ in range(50):
            wire.reset_all()
            last(0.2)
        begun = time.monotonic()
        run_id = stage.create_run()
        stage.drained([run_id], 240)
        took = time.monotonic() - begun

        row.judge(stage, "LDSF", Expected([run_id]))
        row.showed(f"the daemon took and completed a new run within {took:.0f} s")


def test_row_19_messages_that_mean_nothing(stage: Stage, row: Row) -> None:
    """One message a hundred times; messages for ended, unknown and impossible runs."""
    gate = stage.source.before = Gate(answered=3)
    run_id = stage.create_run()
    told = stage.deck.processes.run("shell", "-c", TELL.format(run=run_id, unknown=uuid4()))
    assert told.returncode == 0, told.stderr
    stage.daemon()
    stage.daemon()
    gate.await_arrival()
    gate.open()
    run = stage.drained([run_id])[run_id]
    again = stage.deck.processes.run("shell", "-c", TELL.format(run=run_id, unknown=uuid4()))
    assert again.returncode == 0, again.stderr
    after = stage.executed(integrated_account_id=stage.account("after"))

    asked = [(request.path, tuple(sorted(request.query.items()))) for request in stage.source.served]
    assert (run["attempt"], after["status"]) == (1, "completed")
    assert len(asked) == 2 * len(set(asked)), "each request of each of the two runs once"
    row.judge(stage, "LDSF", Expected([run_id]))
    row.showed("executed once; behind 204 messages for nothing the next run completed")


TELL = """
from celery import current_app
from runs.dispatch import EXECUTE_RUN, publish, queue_of
from runs.models import SyncJobRun
run = SyncJobRun.objects.get(id="{run}")
assert all([publish(run) for _ in range(100)])
for strange in ("{unknown}", "no id at all"):
    current_app.send_task(EXECUTE_RUN, args=[strange], queue=queue_of(run.queue_group))
"""
