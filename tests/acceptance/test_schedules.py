"""Cron triggers and the processes that fire them: each slot starts one run, however many schedulers there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from tests import services
from tests.acceptance.deck import Deck, countries_then_cities
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.sources import countries_and_cities, serving

NEW_YEAR = "0 0 1 1 *"
SLOT = "2026-01-01 00:00:00"
FIRED = "SELECT cron_trigger_id, count(*) FROM runs_syncjobrun GROUP BY cron_trigger_id"
LATE = 15  # seconds within which a due slot must have started its run; the scheduler looks every two


def trigger(deck: Deck, **wishes: Any) -> dict[str, Any]:
    target = {"sync_job_id": deck.job_id, "integrated_account_id": deck.account_id, "daemon_group_key": deck.group}
    return deck.post("/sync-job-cron-trigger", {**target, "cron_expression": NEW_YEAR, **wishes})


def let_slots_come(deck: Deck, slot: str = SLOT) -> None:
    deck.change(f"UPDATE runs_crontrigger SET next_run_at = '{slot}'")


def runs_of_all(deck: Deck) -> dict[Any, int]:
    return dict(deck.rows(FIRED))


def test_a_due_slot_becomes_a_completed_run_under_up(whole_deck: Deck) -> None:
    with serving(countries_and_cities(3, 2)) as source:
        whole_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        made = trigger(whole_deck)
        assert made["next_run_at"] == f"{datetime.now(UTC).year + 1}-01-01T00:00:00.000Z"
        let_slots_come(whole_deck)
        wait_until(lambda: runs_of_all(whole_deck), LATE, "a run of the slot")
        after = whole_deck.get(f"/sync-job-cron-trigger/{made['id']}")
        run = whole_deck.ended(after["last_run_id"])

    assert (run["status"], run["trigger"], run["created_by"]) == ("completed", "schedule", NEW_YEAR)
    assert run["resource_stats"]["cities"]["list"] == {"fetched": 6, "persisted": 6}
    assert after["next_run_at"] == made["next_run_at"]


def test_three_schedulers_fire_each_slot_once_and_the_last_one_alive_goes_on(any_deck: Deck) -> None:
    with serving(countries_and_cities(1, 1)) as source:
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        for number in range(6):
            trigger(any_deck, args={"number": number})
        schedulers = [any_deck.scheduler(f"beat-{number}") for number in range(3)]

        let_slots_come(any_deck)
        wait_until(lambda: len(runs_of_all(any_deck)) == 6, LATE, "a run of each trigger")
        for scheduler in schedulers[:2]:
            scheduler.kill()
        assert set(runs_of_all(any_deck).values()) == {1}
        assert any_deck.rows("SELECT count(*) FROM runs_crontrigger WHERE last_skipped_at IS NOT NULL") == [(0,)]

        any_deck.daemon()
        for (run_id,) in any_deck.rows("SELECT id FROM runs_syncjobrun"):
            assert any_deck.ended(str(run_id))["status"] == "completed"
        let_slots_come(any_deck, "2026-02-01 00:00:00")
        wait_until(lambda: sum(runs_of_all(any_deck).values()) == 12, LATE, "a second run of each trigger")


def test_a_scheduler_outlives_an_outage_of_the_database(server_deck: Deck) -> None:
    server_deck.define(countries_then_cities("http://127.0.0.1:9"), COUNTRIES_AND_CITIES)
    trigger(server_deck)
    scheduler = server_deck.scheduler()
    with services.outage(urlsplit(server_deck.database_url).path.strip("/")):
        scheduler.says("The database can't be reached.")
    let_slots_come(server_deck)
    wait_until(lambda: runs_of_all(server_deck), LATE, f"a run after the outage ({scheduler.log_file})")
