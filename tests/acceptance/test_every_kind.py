"""Every kind of run once, by a real daemon: both versions, both destinations, the error modes, the five statuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from tests.acceptance.deck import Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.receiver import Received, Receiver, receiving
from tests.sources import Source, countries_and_cities, serving

BROKEN = "C001"
KINDS = [(1, "fail_fast"), (1, "ignore"), (2, "fail_fast"), (2, "ignore"), (2, "batch")]
WHOLE = {"countries": {"list": {"fetched": 3, "persisted": 3}}, "cities": {"list": {"fetched": 12, "persisted": 12}}}
BUT_ONE = {"countries": {"list": {"fetched": 3, "persisted": 3}}, "cities": {"list": {"fetched": 8, "persisted": 8}}}
CUT_SHORT = {"countries": {"list": {"fetched": 3, "persisted": 3}}, "cities": {"list": {"fetched": 4, "persisted": 4}}}


@pytest.fixture
def source(any_deck: Deck) -> Iterator[Source]:
    with serving(countries_and_cities(3, 4)) as found:
        any_deck.define(countries_then_cities(found.url), COUNTRIES_AND_CITIES)
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def destinations(any_deck: Deck, receiver: Receiver) -> dict[str, dict[str, Any]]:
    """What is wished of a run that goes to the record store, and of one that goes to the webhook."""
    webhook = any_deck.post("/webhook", {"target_url": receiver.url})
    return {"store": {}, "webhook": {"webhook_id": webhook["id"], "daemon_group_key": None}}


def refuse_the_cities_of_one(request: Request) -> Response | None:
    is_broken = request.path == "/cities" and request.args["country"] == BROKEN
    return Response("no such country", 404) if is_broken else None


def daemon_of_all(deck: Deck) -> None:
    """Webhook runs are the default group's, also where the installation has a group of its own."""
    deck.daemon(",".join(sorted({deck.group, "default"})))


def told_of(receiver: Receiver, run_id: str) -> list[Received]:
    """What the receiver was sent about this run."""
    return [one for one in receiver.accepted() if run_id in one.body.decode()]


def test_each_version_and_error_mode_ends_as_it_should_in_both_destinations(
    any_deck: Deck, source: Source, receiver: Receiver, destinations: dict[str, dict[str, Any]]
) -> None:
    source.before = refuse_the_cities_of_one
    daemon_of_all(any_deck)
    kinds = [(version, mode, name) for version, mode in KINDS for name in destinations]
    started = {
        kind: any_deck.create_run(
            version=kind[0], error_handling=kind[1], args={"kind": str(kind)}, **destinations[kind[2]]
        )
        for kind in kinds
    }

    for (version, mode, destination), run_id in started.items():
        run = any_deck.ended(run_id)
        fails = mode == "fail_fast"
        assert (run["version"], run["error_handling"], run["error_count"]) == (version, mode, 1)
        assert run["status"] == ("failed" if fails else "completed"), run["error"]
        assert run["resource_stats"] == (CUT_SHORT if fails else BUT_ONE)
        assert (run["error"] or {}).get("code") == ("http_404" if fails else None)
        errors = any_deck.get(f"/sync-job-run/{run_id}/error")["result"]
        assert [(error["code"], error["resource"], error["status_code"]) for error in errors] == [
            ("http_404", "cities", 404)
        ]
        if destination == "webhook":
            the_receiver_was_told_all(receiver, run)
    assert any_deck.stored() == {"countries": 3, "cities": 8}


def the_receiver_was_told_all(receiver: Receiver, run: dict[str, Any]) -> None:
    last = run["status"]
    wait_until(lambda: told_of(receiver, run["id"])[-1].event == last, 20, f"the event {last} of {run['id']}")
    told = told_of(receiver, run["id"])
    events = [one.event for one in told]
    assert events[:2] == ["created", "started"]
    records = [record for one in told if one.event == "record" for record in one.payload["records"]]
    assert len(records) == sum(methods["list"]["persisted"] for methods in run["resource_stats"].values())
    errors = [one.payload for one in told if one.event == "record_error"]
    shown = [error for payload in errors for error in payload.get("errors", [payload.get("error")])]
    ends_it = run["error_handling"] == "fail_fast"  # then the event of the end tells it
    assert [error["code"] for error in shown] == ([] if ends_it else ["http_404"])
    assert all(("errors" in payload) == (run["error_handling"] == "batch") for payload in errors)


@pytest.mark.parametrize("destination", ["store", "webhook"])
def test_batch_needs_version_2(
    any_deck: Deck, destinations: dict[str, dict[str, Any]], source: Source, destination: str
) -> None:
    target = {"sync_job_id": any_deck.job_id, "integrated_account_id": any_deck.account_id}
    wishes = {**target, "version": 1, "error_handling": "batch", **destinations[destination]}
    answer = any_deck.api.post("/sync-job-run", json=wishes)
    assert answer.status_code == 400
    assert [failure["path"] for failure in answer.json()["details"]["failures"]] == ["error_handling"]


@pytest.mark.parametrize("destination", ["store", "webhook"])
def test_each_of_the_five_statuses_is_seen(
    any_deck: Deck, source: Source, destinations: dict[str, dict[str, Any]], destination: str
) -> None:
    wishes = {"error_handling": "fail_fast", **destinations[destination]}
    gate = source.before = Gate(answered=1)
    run_id = any_deck.create_run(**wishes)
    created = any_deck.run(run_id)
    assert (created["status"], created["started_at"], created["daemon_id"]) == ("created", None, None)

    daemon_of_all(any_deck)
    gate.await_arrival()
    running = any_deck.run(run_id)
    assert (running["status"], running["finished_at"], running["attempt"]) == ("running", None, 1)
    assert running["started_at"] and running["daemon_id"]

    any_deck.post(f"/sync-job-run/{run_id}/stop", {})
    gate.open()
    stopped = any_deck.ended(run_id)
    assert (stopped["status"], stopped["error"], stopped["started_at"]) == ("stopped", None, running["started_at"])

    source.before = refuse_the_cities_of_one
    failed = any_deck.ended(any_deck.create_run(**wishes))
    assert (failed["status"], failed["error"]["code"], failed["error"]["status_code"]) == ("failed", "http_404", 404)

    source.before = None
    completed = any_deck.ended(any_deck.create_run(**wishes))
    assert (completed["status"], completed["error"], completed["resource_stats"]) == ("completed", None, WHOLE)
    assert all(run["finished_at"] >= run["started_at"] for run in (stopped, failed, completed))
