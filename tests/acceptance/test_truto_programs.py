"""A program written for Truto's API runs against Syncdeck by a change of its base address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from werkzeug import Request, Response

from tests.acceptance.deck import FINAL, JOB, TENANT, Deck, Prepared, countries_then_cities, embedded
from tests.acceptance.truto_programs import PythonProgram, TrutoProgram, TypeScriptProgram
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.sources import countries_and_cities, serving

LONG_AGO = datetime(2024, 1, 1)  # without a zone, as a Python program has it at hand


def no_cities_of_the_third(request: Request) -> Response | None:
    """The source's one fault, so that there is an error to be read about."""
    return Response("no such country", 404) if request.args.get("country") == "C002" else None


@pytest.fixture(scope="module")
def deck(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    folder = tmp_path_factory.mktemp("programs")
    with serving(countries_and_cities(5, 3)) as source, embedded(prepared, folder / "data") as deck:
        source.before = no_cities_of_the_third
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        deck.daemon()
        yield deck


@pytest.fixture(params=[TypeScriptProgram, PythonProgram])
def program(request: Any, deck: Deck) -> TrutoProgram:
    token = deck.api.headers["Authorization"].removeprefix("Bearer ")
    made: TrutoProgram = request.param(str(deck.api.base_url), token)
    return made


def target(program: TrutoProgram) -> dict[str, str]:
    """The job and the account, found as a program finds them."""
    [account] = program.list("integrated-account", tenant_id=TENANT, **{"integration.name": "geo"}, is_sandbox=False)
    [job] = program.list("sync-job", integration_name="geo")
    assert (account["integration"]["name"], job["label"]) == ("geo", JOB)
    return {"sync_job_id": job["id"], "integrated_account_id": account["id"]}


def ended(program: TrutoProgram, run_id: str) -> dict[str, Any]:
    def final() -> dict[str, Any] | None:
        run: dict[str, Any] = program.get("sync-job-run", run_id)
        return run if run["status"] in FINAL else None

    return wait_until(final, 60, f"an end of run {run_id}")


def test_it_syncs_and_reads_about_it(program: TrutoProgram) -> None:
    assert program.call("GET", "ping")
    wish = {**target(program), "args": {"by": type(program).__name__}, "ignore_previous_run": True}
    made = program.create("sync-job-run", wish)
    assert made["status"] == "created"

    run = ended(program, made["id"])
    assert (run["status"], run["error_count"]) == ("completed", 1)
    assert run["resource_stats"]["countries"]["list"] == {"fetched": 5, "persisted": 5}
    assert run["resource_stats"]["cities"]["list"] == {"fetched": 12, "persisted": 12}
    assert run["sync_job"]["integration_name"] == "geo"

    events = [event["kind"] for event in program.list(f"sync-job-run/{run['id']}/event", limit=2)]
    assert (events[-1], events[0]) == ("created", "completed")
    [error] = program.list(f"sync-job-run/{run['id']}/error")
    assert (error["resource"], error["status_code"]) == ("cities", 404)
    stored = list(program.list("record", integrated_account_id=wish["integrated_account_id"], limit=4))
    assert len({record["id"] for record in stored}) == len(stored) == 17


def test_it_finds_runs_by_lists_and_times(program: TrutoProgram) -> None:
    wish = {**target(program), "force": True}
    made = [program.create("sync-job-run", wish)["id"] for _ in range(3)]
    for run_id in made:
        ended(program, run_id)

    found = {
        run["id"]
        for run in program.list(
            "sync-job-run",
            limit=2,
            id={"in": made},
            status=["completed", "failed"],
            created_at={"gt": LONG_AGO},
        )
    }
    assert found == set(made)
    assert list(program.list("sync-job-run", id={"in": made}, created_at={"lt": LONG_AGO})) == []


def test_it_stops_and_runs_again(program: TrutoProgram) -> None:
    wish = {**target(program), "args": {"stopped by": type(program).__name__}, "daemon_group_key": "nobody"}
    deleted = program.create("sync-job-run", wish)
    assert program.delete("sync-job-run", deleted["id"])["status"] == "stopped"
    patched = program.create("sync-job-run", wish)
    assert program.update("sync-job-run", patched["id"], {"status": "stopped"})["status"] == "stopped"

    again = program.create(f"sync-job-run/{patched['id']}/rerun")
    assert (again["rerun_of_id"], again["status"]) == (patched["id"], "created")
    assert program.create(f"sync-job-run/{again['id']}/stop")["status"] == "stopped"


def test_it_looks_at_the_daemons(program: TrutoProgram) -> None:
    [daemon] = program.list("daemon", status="active", group_key="default")
    assert program.get("daemon", daemon["id"])["daemon_id"] == daemon["daemon_id"]
