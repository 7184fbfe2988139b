"""`manage.py sync`: a run from the shell, and what its exit status says."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from werkzeug import Request, Response

from tests.acceptance.deck import JOB, TENANT, Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.sources import Source, countries_and_cities, serving

STOP_REQUESTED = "SELECT id FROM runs_syncjobrun WHERE stop_requested_at IS NOT NULL"


@pytest.fixture
def source(deck: Deck) -> Iterator[Source]:
    with serving(countries_and_cities(30, 2)) as found:
        deck.define(countries_then_cities(found.url), COUNTRIES_AND_CITIES)
        yield found


def refuse(request: Request) -> Response:
    return Response("who are you?", 401)


def test_a_completed_run_exits_0_and_tells_its_address(deck: Deck, source: Source) -> None:
    done = deck.processes.run("sync", JOB, TENANT)

    assert done.returncode == 0, done.stderr
    address, *_, last = done.stdout.strip().splitlines()
    run = deck.run(address.rstrip("/").rpartition("/")[2])
    assert address == f"{deck.api.base_url}/runs/{run['id']}/"
    assert (run["status"], run["trigger"], run["daemon_id"][:4]) == ("completed", "cli", "cli@")
    assert last.startswith("completed: 90 fetched, 90 persisted, 0 errors in ")


def test_a_failed_run_exits_1_and_says_why(deck: Deck, source: Source) -> None:
    source.before = refuse

    done = deck.processes.run("sync", JOB, TENANT)

    assert done.returncode == 1, done.stderr
    assert "failed: 0 fetched" in done.stdout


def test_a_completed_run_of_which_nothing_could_be_fetched_exits_0_and_says_why(deck: Deck, source: Source) -> None:
    source.before = lambda request: Response("no", 404)

    done = deck.processes.run("sync", JOB, TENANT)

    assert done.returncode == 0, done.stderr
    *_, end, why = done.stdout.strip().splitlines()
    assert end.startswith("completed: 0 fetched, 0 persisted, 1 error in ")
    assert why.startswith("First error: countries: ")
    assert "404" in why


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_stopped_and_exits_3(deck: Deck, source: Source, number: signal.Signals) -> None:
    gate = source.before = Gate(answered=5)
    command = deck.processes.manage("sync", JOB, TENANT)
    gate.await_arrival()

    command.signal(number)
    wait_until(lambda: deck.rows(STOP_REQUESTED), 10, "a request to stop")
    gate.open()

    assert command.wait(15) == 3, command.log()
    assert "stopped:" in command.log()


def test_each_fault_of_the_arguments_is_told(deck: Deck, source: Source) -> None:
    unknown = deck.processes.run("sync", JOB, "nobody")

    assert unknown.returncode == 1
    assert "There is no account nobody." in unknown.stderr
    assert TENANT in unknown.stderr
