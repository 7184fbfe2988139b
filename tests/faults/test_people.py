"""Matrix 4b, rows 24 to 30: people stop, run again, delete and change while runs are under way."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from werkzeug import Request, Response

from tests.acceptance.gate import Gate
from tests.faults.conftest import Row
from tests.faults.invariants import RESCUE, Expected
from tests.faults.ledgers import telling_all
from tests.faults.stage import Stage
from tests.processes import wait_until

STOPPED_WITHIN = 2.0  # seconds
HOUR = 3_600
ROUNDS = 1_000
READ_AHEAD = 20  # requests that may be under way, or drawn, until the first answer is looked at: five times four
ONE_PAGE = [{"resource": "countries", "method": "list", "persist": True, "query": {"n": "{{args.n}}"}}]


def stop(stage: Stage, run_id: str) -> httpx2.Response:
    return stage.deck.api.post(f"/sync-job-run/{run_id}/stop", json={})


def stopped_within(stage: Stage, run_id: str, limit: float) -> float:
    """Stop the run; the seconds until it was."""
    begun = time.monotonic()
    assert stop(stage, run_id).status_code == 200
    run = stage.deck.ended(run_id, limit + 5)
    took = time.monotonic() - begun
    assert (run["status"], run["error"]) == ("stopped", None)
    assert took < limit, took
    return took


def stopped(run_id: str) -> Expected:
    return Expected([run_id], statuses=["stopped"], whole=False)


def test_row_24_a_stop_during_a_long_wait(stage: Stage, row: Row) -> None:
    """Stop while the source wants to be left alone for an hour."""
    stage.source.before = lambda request: telling_all(request, 429, **{"Retry-After": str(HOUR)})
    stage.daemon()
    run_id = stage.create_run()
    wait_until(lambda: stage.deck.run(run_id)["rate_limited_until"], 30, "a run that waits")
    took = stopped_within(stage, run_id, STOPPED_WITHIN)

    row.judge(stage, "DSFX", stopped(run_id))
    row.showed(f"stopped within {took:.1f} s")


def test_row_25_a_stop_of_what_has_not_begun(stage: Stage, row: Row) -> None:
    """Stop while queued, and between the message and the claim."""
    queued = stage.create_run()
    stopped_within(stage, queued, STOPPED_WITHIN)
    daemon = stage.daemon()
    daemon.signal(signal.SIGSTOP)  # the message is in the queue, or in its hands
    told = stage.create_run()
    stopped_within(stage, told, STOPPED_WITHIN)
    daemon.signal(signal.SIGCONT)
    after = stage.executed(integrated_account_id=stage.account("after"))

    assert after["status"] == "completed"
    assert {request.headers["X-Tenant"] for request in stage.source.served} == {"after"}
    for run_id in (queued, told):
        assert stage.deck.run(run_id)["started_at"] is None
        row.judge(stage, "DSF", stopped(run_id))
    row.showed("both stopped at once, and never began")


def test_row_26_a_stop_in_mid_page(stage: Stage, row: Row) -> None:
    """Stop while the source takes half a minute for a page."""
    gate = stage.source.before = Gate(answered=12)
    stage.daemon()
    run_id = stage.create_run()
    gate.await_arrival()
    took = stopped_within(stage, run_id, 35)
    stored = sum(stage.deck.stored().values())
    counted = sum(row["list"]["persisted"] for row in stage.deck.run(run_id)["resource_stats"].values())
    gate.open()

    assert stored == counted > 0
    row.judge(stage, "DSF", stopped(run_id))
    row.showed(f"ended after {took:.1f} s; {stored} records had come and stayed")


@pytest.mark.quick
def test_row_27_stops_that_come_twice_late_or_to_the_dead(stage: Stage, row: Row) -> None:
    """Stop twice, after the end, and when the daemon is dead."""
    gate = stage.source.before = Gate(answered=8)
    daemon = stage.daemon()
    run_id = stage.create_run()
    gate.await_arrival()
    daemon.kill()
    gate.open()
    answers = [stop(stage, run_id), stop(stage, run_id)]
    served = len(stage.source.served)
    begun = time.monotonic()
    stage.daemon()
    stage.drained([run_id])
    took = time.monotonic() - begun
    ended = stage.deck.run(run_id)
    after = [stop(stage, run_id), stage.deck.api.delete(f"/sync-job-run/{run_id}")]

    assert [answer.status_code for answer in (*answers, *after)] == [200] * 4
    assert [answer.json() for answer in after] == [ended, ended]
    assert took < RESCUE
    assert len(stage.source.served) == served, "it was run again"
    row.judge(stage, "DSF", stopped(run_id))
    row.showed(f"the sweep ended it {took:.1f} s after a daemon was there; nothing was fetched; the end is unchanged")


def test_row_28_a_stop_and_a_completion_at_once(stage: Stage, row: Row) -> None:
    """Stop at the very moment of completion, a thousand times."""
    stage.source.tables["countries"] = stage.source.tables["countries"][:5]
    stage.define("one page", entries=ONE_PAGE)
    stops: dict[str, threading.Thread] = {}
    ids: dict[str, str] = {}

    def before(request: Request) -> None:
        run_id = ids.get(request.args.get("n", ""))
        if run_id is not None:
            wait = row.random.random() * 0.15
            stops[run_id] = threading.Thread(target=lambda: (threading.Event().wait(wait), stop(stage, run_id)))
            stops[run_id].start()

    stage.source.before = before
    stage.daemon(concurrency=4)
    for number in range(ROUNDS):
        ids[str(number)] = stage.create_run(args={"n": number})
        if number % 8 == 7:
            stage.drained([ids[str(one)] for one in range(number - 7, number + 1)])
    ended = stage.drained(list(ids.values()))
    for thread in stops.values():
        thread.join()
    statuses = sorted(run["status"] for run in ended.values())

    assert [stage.deck.run(run_id)["status"] for run_id in ids.values()] == [run["status"] for run in ended.values()]
    assert set(statuses) <= {"completed", "stopped"}
    row.judge(stage, "SF", Expected(list(ids.values()), statuses=["completed", "stopped"], whole=False))
    row.showed(f"{statuses.count('completed')} completed, {statuses.count('stopped')} stopped, none changed its end")


def rerun(stage: Stage, run_id: str) -> httpx2.Response:
    return stage.deck.api.post(f"/sync-job-run/{run_id}/rerun", json={"ignore_previous_run": True})


def test_row_29_reruns(stage: Stage, row: Row) -> None:
    """Rerun while it runs, twice at once, and of a rerun."""
    gate = stage.source.before = Gate(answered=5)
    stage.daemon()
    first = stage.create_run()
    gate.await_arrival()
    refused = rerun(stage, first)
    gate.open()
    stage.drained([first])
    stage.source.before = gate = Gate(answered=5)
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(lambda _: rerun(stage, first), range(2)), key=lambda answer: answer.status_code)
    gate.open()
    second = answers[0].json()["id"]
    stage.drained([second])
    third = rerun(stage, second).json()
    stage.drained([third["id"]])

    assert (refused.status_code, refused.json()["details"]) == (409, {"live_run_id": first})
    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["details"]["live_run_id"] == second
    assert (answers[0].json()["rerun_of_id"], third["rerun_of_id"]) == (first, second)
    row.judge(stage, "LDSF", Expected([first, second, third["id"]]))
    row.showed("409 that names the live run, one new run of two clicks, each names the run that it repeats")


def refuse(request: Request) -> Response:
    return telling_all(request, 401)


@pytest.mark.parametrize("change", ["account deleted", "token revoked", "job changed"])
def test_row_30_changed_under_a_run(stage: Stage, row: Row, change: str) -> None:
    """The account is deleted, its token revoked, or the job changed, during a run."""
    gate = stage.source.before = Gate(answered=8)
    stage.daemon()
    run_id = stage.create_run()
    gate.await_arrival()
    served = len(stage.source.served)
    if change == "token revoked":
        stage.source.before = refuse
    elif change == "account deleted":
        assert stage.deck.api.delete(f"/integrated-account/{stage.deck.account_id}").is_success
    else:
        changed: dict[str, Any] = {"resources": [{"resource": "countries", "method": "list", "persist": True}]}
        assert stage.deck.api.patch(f"/sync-job/{stage.deck.job_id}", json=changed).is_success
    gate.open()
    run = stage.drained([run_id])[run_id]
    more = len(stage.source.served) - served
    stage.source.before = None

    if change == "job changed":
        row.judge(stage, "LDSFA", Expected([run_id]))
    else:
        status = "failed" if change == "token revoked" else "stopped"
        errors = change == "token revoked"
        row.judge(stage, "SFX", Expected([run_id], statuses=[status], whole=False, errors=errors))
        row.judge(stage, "A", Expected([], whole=False))
        assert more <= READ_AHEAD, f"{more} requests more"
    row.showed(f"{change}: {run['status']}{', ' + run['error']['code'] if run['error'] else ''}, {more} requests more")


# What a later version may have written: a kind of entry, a form of cursor, a status. And what the run then ends with.
WRITTEN_BY_ANOTHER = {
    "definition": """UPDATE runs_syncjobrun SET resources = '[{"type": "merge", "name": "all"}, 7]'""",
    "unknown_place": """UPDATE runs_runstep SET cursor = '{"v": 2, "page": 3}' WHERE status = 'running'""",
    "other_version": "UPDATE runs_runstep SET status = 'paused' WHERE status = 'running'",
}


@pytest.mark.parametrize("code", WRITTEN_BY_ANOTHER)
def test_row_30_left_by_another_version(stage: Stage, row: Row, code: str) -> None:
    """The daemon that goes on knows neither the entries, nor the cursor, nor the status that another version wrote."""
    gate = stage.source.before = Gate(answered=8)
    first = stage.daemon()
    run_id = stage.create_run()
    gate.await_arrival()
    first.kill()
    served = len(stage.source.served)
    stage.deck.change("ALTER TABLE runs_runstep DROP CONSTRAINT step_status_known")
    stage.deck.change(WRITTEN_BY_ANOTHER[code])
    gate.open()
    stage.source.before = None
    stage.daemon()
    run = stage.drained([run_id])[run_id]
    more = len(stage.source.served) - served  # those of the killed daemon that were on their way
    with stage.browser() as browser:
        page = browser.get(f"/runs/{run_id}/")

    assert (run["error"]["code"], run["attempt"]) == (code, 2)
    assert more <= READ_AHEAD, f"{more} requests more"
    assert page.status_code == 200
    row.judge(stage, "SFX", Expected([run_id], statuses=["failed"], whole=False))
    row.judge(stage, "A", Expected([], whole=False))
    row.showed(f"failed as {code} by the daemon that took it over")
