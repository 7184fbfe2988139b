"""Daemons of groups: what they take, what waits for them, and how soon the truth is told when one is killed."""

from __future__ import annotations

from typing import Any

from tests.acceptance.deck import Deck, countries_then_cities
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import Process, wait_until
from tests.sources import countries_and_cities, serving

WITHIN = 15  # seconds, as promised


def daemon_of(deck: Deck, groups: str) -> Process:
    started = deck.processes.manage("daemon", "--group", groups, "--concurrency", "1")
    wait_until(lambda: "active" in told(deck, groups), 30, f"a daemon of {groups} ({started.log_file})")
    return started


def told(deck: Deck, groups: str) -> list[str]:
    """The states of the daemons of these groups, as the API tells them."""
    return [daemon["status"] for daemon in deck.get("/daemon")["result"] if daemon["group_key"] == groups]


def test_a_run_waits_for_its_group_and_no_other_daemon_takes_it(deck: Deck) -> None:
    with serving(countries_and_cities(1, 1)) as source:
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        daemon_of(deck, "east,south")
        waiting = deck.create_run(daemon_group_key="west")
        taken = [deck.create_run(daemon_group_key=group, force=True) for group in ("south", "east")]
        runs: list[dict[str, Any]] = [deck.ended(run_id) for run_id in taken]
        assert [run["status"] for run in runs] == ["completed", "completed"]
        assert (deck.run(waiting)["status"], deck.run(waiting)["daemon_id"]) == ("created", None)

        daemon_of(deck, "west")
        run = deck.ended(waiting)

    assert run["status"] == "completed"
    assert run["daemon_id"].startswith("daemon-west-")
    assert {run["daemon_id"] for run in runs} != {run["daemon_id"]}


def test_the_list_of_daemons_tells_of_a_kill_within_15_seconds(deck: Deck) -> None:
    killed, kept = daemon_of(deck, "east"), daemon_of(deck, "west")
    killed.kill()
    wait_until(lambda: told(deck, "east") == ["stopped"], WITHIN, "the truth about the killed daemon")
    assert told(deck, "west") == ["active"], kept.log()
