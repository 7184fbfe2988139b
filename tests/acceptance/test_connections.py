"""A daemon's connections to the database outlive its runs: a new one is a process of PostgreSQL that knows nothing."""

from __future__ import annotations

from tests.acceptance.deck import Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.sources import countries_and_cities, serving


def test_a_worker_goes_on_over_the_connection_of_its_last_run(server_deck: Deck) -> None:
    with serving(countries_and_cities(1, 1)) as source:
        server_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        server_deck.daemon(concurrency=1, PGAPPNAME="the daemon")
        server_deck.ended(server_deck.create_run())
        known = connections(server_deck)
        gate = source.before = Gate(answered=0)
        run_id = server_deck.create_run()
        gate.await_arrival()  # the run is claimed
        during = connections(server_deck)
        gate.open()
        assert server_deck.ended(run_id)["status"] == "completed"
    assert during and during <= known


def connections(deck: Deck) -> set[int]:
    """Their processes at the server."""
    return {pid for (pid,) in deck.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'the daemon'")}
