"""What a second run asks the source for, and what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.deck import Deck, countries_then_cities
from tests.sources import Source, countries_and_cities, serving

OVERLAP = 60  # seconds
SINCE = {"updated_since": "{{previous_run_date}}"}
RESOURCES: list[dict[str, Any]] = [
    {"resource": "countries", "method": "list", "persist": True, "query": SINCE},
    {
        "resource": "cities",
        "method": "list",
        "persist": True,
        "depends_on": "countries",
        "query": {"country": "{{resources.countries.iso}}", **SINCE},
    },
]
EVERYTHING = {
    "countries": {"list": {"fetched": 5, "persisted": 5}},
    "cities": {"list": {"fetched": 15, "persisted": 15}},
}


@pytest.fixture
def source(deck: Deck) -> Iterator[Source]:
    with serving(countries_and_cities(5, 3)) as found:
        deck.define(countries_then_cities(found.url, incremental_overlap=OVERLAP), RESOURCES)
        deck.daemon()
        yield found


def run_again(deck: Deck, source: Source, **wishes: Any) -> tuple[dict[str, Any], list[str | None]]:
    """The ended run, and the date of each request that the source saw meanwhile."""
    seen = len(source.served)
    run = deck.ended(deck.create_run(**wishes))
    return run, [request.query.get("updated_since") for request in source.served[seen:]]


def test_the_date_is_the_start_of_the_last_clean_run_less_the_overlap(deck: Deck, source: Source) -> None:
    first, dates = run_again(deck, source)
    assert set(dates) == {None}

    _, dates = run_again(deck, source)

    expected = datetime.fromisoformat(first["started_at"]) - timedelta(seconds=OVERLAP)
    assert {datetime.fromisoformat(str(date)) for date in dates} == {expected}


def test_ignoring_the_previous_run_leaves_the_date_out(deck: Deck, source: Source) -> None:
    run_again(deck, source)

    run, dates = run_again(deck, source, ignore_previous_run=True)

    assert set(dates) == {None}
    assert (run["ignore_previous_run"], run["resource_stats"]) == (True, EVERYTHING)


def test_an_unchanged_source_costs_no_write(deck: Deck, source: Source) -> None:
    run_again(deck, source)
    rows = "SELECT id, updated_at, last_run_id, content_hash FROM runs_record ORDER BY id"
    before = deck.rows(rows)

    run, _ = run_again(deck, source, ignore_previous_run=True)

    assert (run["status"], run["resource_stats"]) == ("completed", EVERYTHING)
    assert len(before) == 20
    assert deck.rows(rows) == before
