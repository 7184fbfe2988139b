"""Deleting an account while a daemon is at work for it."""

from __future__ import annotations

from tests.acceptance.deck import TENANT, Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.sources import countries_and_cities, serving


def test_it_stops_the_run_and_leaves_neither_credentials_nor_records(deck: Deck) -> None:
    with serving(countries_and_cities(60, 2)) as source:
        deck.define(countries_then_cities(source.url, concurrency=4), COUNTRIES_AND_CITIES)
        schedule = {"sync_job_id": deck.job_id, "integrated_account_id": deck.account_id}
        deck.post("/sync-job-cron-trigger", {**schedule, "cron_expression": "0 6 * * *"})
        gate = source.before = Gate(answered=20)
        deck.daemon()
        run_id = deck.create_run()
        gate.await_arrival()
        assert deck.stored()["countries"] == 60

        assert deck.api.delete(f"/integrated-account/{deck.account_id}").is_success
        gate.open()
        run = deck.ended(run_id, limit=15)

    assert (run["status"], run["error"]) == ("stopped", None)
    assert deck.stored() == {}
    assert deck.rows("SELECT count(*) FROM runs_crontrigger WHERE is_active") == [(0,)]
    assert deck.rows("SELECT tenant_id FROM runs_integratedaccount") == [(TENANT,)]
    assert deck.api.post(f"/sync-job-run/{run_id}/rerun").status_code == 400
