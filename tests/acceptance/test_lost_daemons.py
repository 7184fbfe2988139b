"""Daemons that die, and daemons that are told of the same run again and again."""

from __future__ import annotations

from collections import Counter

from tests.acceptance.deck import Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.sources import countries_and_cities, serving

COUNTS = {
    "countries": {"list": {"fetched": 150, "persisted": 150}},
    "cities": {"list": {"fetched": 300, "persisted": 300}},
}
PUBLISH_100_TIMES = """
from runs.dispatch import publish
from runs.models import SyncJobRun
run = SyncJobRun.objects.get(id="{}")
assert all([publish(run) for _ in range(100)])
"""


def test_a_killed_daemons_run_is_completed_by_another_with_exact_counts(any_deck: Deck) -> None:
    with serving(countries_and_cities(150, 2)) as source:
        any_deck.define(countries_then_cities(source.url, concurrency=4), COUNTRIES_AND_CITIES)
        gate = source.before = Gate(answered=80)
        daemon = any_deck.daemon()
        run_id = any_deck.create_run()
        gate.await_arrival()

        daemon.kill()
        gate.open()
        first = any_deck.run(run_id)
        assert 0 < first["resource_stats"]["cities"]["list"]["persisted"] < 300
        any_deck.daemon()
        run = any_deck.ended(run_id)

    assert (run["status"], run["error_count"], run["attempt"]) == ("completed", 0, 2), run["error"]
    assert run["started_at"] == first["started_at"]
    assert run["daemon_id"] != first["daemon_id"]
    assert run["resource_stats"] == COUNTS
    assert any_deck.rows("SELECT count(*) FROM runs_record") == [(450,)]
    assert any_deck.stored() == {"countries": 150, "cities": 300}


def test_two_daemons_told_of_a_run_a_hundred_times_execute_it_once(deck: Deck) -> None:
    with serving(countries_and_cities(150, 2)) as source:
        deck.define(countries_then_cities(source.url, concurrency=4), COUNTRIES_AND_CITIES)
        gate = source.before = Gate(answered=2)
        run_id = deck.create_run()
        told = deck.processes.run("shell", "-c", PUBLISH_100_TIMES.format(run_id))
        assert told.returncode == 0, told.stderr
        daemons = [deck.daemon(), deck.daemon()]

        gate.await_arrival()
        messages = deck.data_dir / "broker" / "messages"
        wait_until(lambda: not any(messages.iterdir()), 30, "all messages taken")
        gate.open()
        run = deck.ended(run_id)
        for daemon in daemons:
            daemon.end()

    requests = Counter((request.path, tuple(sorted(request.query.items()))) for request in source.served)
    assert (run["status"], run["attempt"], run["resource_stats"]) == ("completed", 1, COUNTS)
    assert set(requests.values()) == {1}
