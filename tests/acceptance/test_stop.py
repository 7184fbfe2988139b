"""Stopping a running run, as its source sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from werkzeug import Request, Response

from tests.acceptance.deck import Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.sources import Source, countries_and_cities, serving

CONCURRENCY = 4
READ_AHEAD = 5 * CONCURRENCY  # in flight, written with the next batch, and drawn by then


@pytest.fixture
def source(deck: Deck) -> Iterator[Source]:
    with serving(countries_and_cities(60, 2)) as found:
        deck.define(countries_then_cities(found.url, concurrency=CONCURRENCY), COUNTRIES_AND_CITIES)
        yield found


def limit_cities(request: Request) -> Response | None:
    """An API that wants to be left alone for a while."""
    if request.path == "/cities":
        return Response("slow down", 429, headers={"Retry-After": "25"})
    return None


def test_a_run_ends_at_its_next_page_and_fetches_nothing_afterwards(deck: Deck, source: Source) -> None:
    gate = source.before = Gate(answered=20)
    daemon = deck.daemon()
    run_id = deck.create_run()
    gate.await_arrival()

    deck.post(f"/sync-job-run/{run_id}/stop", {})
    gate.open()

    run = deck.ended(run_id, limit=10)
    assert (run["status"], run["error"]) == ("stopped", None)
    asked = len(source.served)
    assert asked <= 20 + READ_AHEAD
    daemon.end()
    assert len(source.served) == asked
    assert deck.stored()["countries"] == 60  # what was persisted stays


def test_a_run_that_waits_for_its_source_stops_within_two_seconds(deck: Deck, source: Source) -> None:
    source.before = limit_cities
    deck.daemon()
    run_id = deck.create_run()
    wait_until(lambda: source.requests("/cities"), 20, "a request for cities")

    asked_at = time.monotonic()
    deck.post(f"/sync-job-run/{run_id}/stop", {})
    run = deck.ended(run_id, limit=10)

    assert time.monotonic() - asked_at < 2
    assert run["status"] == "stopped"
