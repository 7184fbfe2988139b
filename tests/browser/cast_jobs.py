"""Jobs of every shape that a plan can have: loops, unified entries, a chain of derived ones, too many, long names."""

from __future__ import annotations

from typing import Any

from runs.models import Integration, SyncJob
from tests import factories

LONGEST = "unbroken" * 25
WIDE: list[dict[str, Any]] = [
    {"resource": "countries", "method": "list", "name": "countries", "persist": True,
     "query": {"since": "{{previous_run_date}}"}},
    {"resource": "cities", "method": "list", "persist": True, "depends_on": "countries", "name": "cities of countries",
     "query": {"country": "{{resources.countries.iso}}", "tenant": "{{context.tenant}}"}},
    {"type": "spool", "name": "all cities", "depends_on": "cities of countries"},
    {"type": "transform", "name": "largest city of each region", "depends_on": "all cities", "persist": True,
     "config": {"expression": "$sort(response, function($a, $b) { $a.population < $b.population })[[0..9]]"}},
    {"resource": "cities", "method": "list", "name": "capitals", "depends_on": "countries",
     "query": {"capital": True, "country": "{{resources.countries.iso}}"}},
    {"resource": "countries", "method": "get", "name": "watched", "id": "{{args.watched}}", "loop_on": "args.watched"},
    {"resource": "geo/places", "method": "list", "delete_tracking": "soft"},
]  # fmt: skip
SCHEMA = {
    "watched": {"type": "array", "required": True, "description": "ISO codes of the countries to look at closely."},
    "depth": {"type": "string", "enum": ["shallow", "full"], "default": "full"},
}


def jobs(integration: Integration) -> dict[str, SyncJob]:
    """By what is special about each."""
    factories.mapping(integration=integration)
    many = [{"resource": "countries", "method": "list", "name": f"countries {number}"} for number in range(70)]
    long = [
        {"resource": "countries", "method": "list", "name": LONGEST},
        {"resource": "cities", "method": "list", "depends_on": LONGEST, "query": {LONGEST: "{{args." + LONGEST + "}}"}},
    ]
    return {
        "wide": factories.job(integration=integration, label="Places", resources=WIDE, args_schema=SCHEMA),
        "many": factories.job(integration=integration, label="Seventy entries", resources=many),
        "long": factories.job(integration=integration, label=LONGEST, resources=long, args_schema={LONGEST: {}}),
    }
