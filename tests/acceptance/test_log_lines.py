"""`LOG_FORMAT=json`: all that an installation's processes write is lines of JSON, with the ids of their subject."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.acceptance.deck import Deck, Prepared, brought_up, countries_then_cities, embedded
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import Process, children_of, kill
from tests.receiver import receiving
from tests.sources import countries_and_cities, serving

RUN_IDS = ("run_id", "job_id", "account_id", "environment_id")
COLUMNS = "id, sync_job_id, integrated_account_id, environment_id"


@pytest.fixture
def deck(prepared: Prepared, tmp_path: Path) -> Iterator[Deck]:
    with embedded(prepared, tmp_path / "data", LOG_FORMAT="json", LOG_LEVEL="DEBUG") as deck:
        yield deck


def lines(process: Process) -> list[dict[str, Any]]:
    """Each of them an object of JSON, of the strict kind."""

    def refuse(text: str) -> None:
        raise ValueError(f"{text} is no JSON")

    found = [json.loads(line, parse_constant=refuse) for line in process.log().splitlines()]
    assert all(isinstance(line, dict) and line["event"] and line["timestamp"] and line["level"] for line in found)
    return found


def test_every_line_is_json_and_tells_what_it_is_about(deck: Deck) -> None:
    with serving(countries_and_cities(20, 2)) as source, receiving() as receiver:
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        webhook = deck.post("/webhook", {"target_url": receiver.url})
        daemon, beat = deck.daemon(), deck.scheduler()
        several = [deck.create_run(args={"number": number}) for number in range(4)]
        target = {"sync_job_id": deck.job_id, "integrated_account_id": deck.account_id}
        sent = deck.post("/sync-job-run", {**target, "webhook_id": webhook["id"]})["id"]
        for run_id in (*several, sent):
            assert deck.ended(run_id)["status"] == "completed"
        receiver.answer = lambda received: 410
        gone = deck.create_run(args={"number": 8})
        daemon.says("A webhook is switched off.")
        assert deck.ended(gone)["status"] == "completed"
        deck.change("ALTER TABLE runs_recorderror RENAME TO elsewhere")
        source.tables["cities"] = [{"id": 1, "country": "C001"}]  # without its id: an error that can't be written
        broken = deck.create_run(args={"number": 9})
        daemon.says("The database failed")
        deck.change("ALTER TABLE elsewhere RENAME TO runs_recorderror")
        assert deck.ended(broken)["status"] == "completed"
        deck.change("ALTER TABLE runs_delivery RENAME TO elsewhere")
        daemon.says("can't be reached")
        deck.change("ALTER TABLE elsewhere RENAME TO runs_delivery")
        missing = deck.api.get(f"/sync-job/{several[0]}")
        for process in (daemon, beat):
            process.signal(signal.SIGTERM)
            process.wait(20)

    about = {str(row[0]).replace("-", ""): row for row in deck.rows(f"SELECT {COLUMNS} FROM runs_syncjobrun")}
    within = [line for line in lines(daemon) if "account_id" in line]
    for line in within:
        told = [line[name].replace("-", "") for name in RUN_IDS]
        assert told == [str(value).replace("-", "") for value in about[told[0]]], line
    for event in ("The run is taken.", "The run has ended."):
        assert {line["run_id"] for line in within if line["event"] == event} == {*several, sent, gone, broken}
    failed = [line for line in within if line["event"].startswith("The database failed")]
    assert {(line["run_id"], "Traceback" in line["exception"]) for line in failed} == {(broken, True)}
    own = [line for line in lines(daemon) if line["logger"] == "celery.app.trace" and "execute_run" in line["event"]]
    assert {line["run_id"] for line in own} == {*several, sent, gone, broken}
    assert not [line for line in lines(daemon) if line["logger"] == "celery.worker.strategy" and "run_id" in line]
    [off] = [line for line in lines(daemon) if line["event"] == "A webhook is switched off."]
    assert (off["account_id"], off["webhook_id"]) == (deck.account_id, webhook["id"])
    assert any("Warm shutdown" in line["event"] for line in lines(daemon))
    assert [line for line in lines(beat) if "beat: Starting" in line["event"]]
    [web] = deck.processes.named("serve")
    [refused] = [line for line in lines(web) if line["logger"] == "django.request" and several[0] in line["event"]]
    assert refused["request_id"] == missing.headers["X-Request-ID"]
    assert (refused["opened_by"], refused["environment_id"]) == token_of(deck)


def test_so_it_is_when_one_process_starts_all(prepared: Prepared, tmp_path: Path) -> None:
    """Also with a daemon whose tasks are processes, and with a child that is killed."""
    with brought_up(prepared, tmp_path / "data", LOG_FORMAT="json") as deck:
        [up] = deck.processes.named("up")
        forked = deck.processes.manage("daemon", "--group", "forked", "--pool", "prefork", "--concurrency", "1")
        forked.says("ready.")
        up.says("ready.")
        up.says("beat: Starting")
        kill(children_of(up.pid)[0])
        up.says("is started again in")
        for process in (up, forked):
            process.signal(signal.SIGTERM)
            process.wait(20)
        told = [line["event"] for line in lines(up)]
    assert [words for words in told if words.startswith("Serving")]
    assert [words for words in told if "ended with status -9" in words]
    assert lines(forked)


def token_of(deck: Deck) -> tuple[str, str]:
    [row] = deck.rows("SELECT id, environment_id FROM runs_apitoken")
    return str(UUID(str(row[0]))), str(UUID(str(row[1])))
