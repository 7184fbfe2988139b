"""Part `sqlite`: how fast records move into the embedded database, beside dlt, which moves them into PostgreSQL.

Ours is a real daemon of an installation that needs no server: SQLite and the broker in folders.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass, field

from tests import services
from tests.benchmarks.others import Other, install_others
from tests.benchmarks.stage import Ours, daemon, in_installation, listed, stage

PAGE_SIZE = 1_000
OTHER = "dlt, upsert"
BAR = 8.0


@dataclass
class Loads:
    """Seconds of each round: ours into an empty table and the same again, and the other's first load."""

    records: int
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)


def measured(count: int, rounds: int, *, with_others: bool) -> Loads:
    if with_others:
        install_others()
    arguments = (str(count), str(rounds), *([OTHER] if with_others else []))
    return Loads(**in_installation("tests.benchmarks.sqlite", *arguments, embedded=True))


def table(loads: Loads) -> str:
    first, again = loads.records / statistics.median(loads.first), loads.records / statistics.median(loads.again)
    head = [
        f"## {loads.records:,} records, pages of {PAGE_SIZE:,}, into SQLite",
        "",
        f"Records a second, medians of {len(loads.first)} rounds in turn.",
        "",
        f"| first | unchanged | {OTHER} into PostgreSQL | x of the first | bar |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    if not loads.other:
        return "\n".join([*head, f"| {first:,.0f} | {again:,.0f} | | | {BAR} |"])
    other = loads.records / statistics.median(loads.other)
    missed = " **under**" if first / other < BAR else ""
    return "\n".join([*head, f"| {first:,.0f} | {again:,.0f} | {other:,.0f} | {first / other:.2f}{missed} | {BAR} |"])


def _main(count: int, rounds: int, others: list[str]) -> None:
    loads = Loads(count)
    name = f"syncdeck_bench_{os.getpid()}_dlt"
    with stage(count) as (started, url), services.own_database(name) as dsn:
        config = {"base_url": url, "resources": {"records": {"list": listed(PAGE_SIZE)}}}
        ours = Ours.of(config, [{"resource": "records", "method": "list", "persist": True}])
        daemon(started)
        for _ in range(rounds):
            loads.first.append(ours.seconds())
            loads.again.append(ours.seconds())
            ours.clear()
            for other in (Other(name, url, dsn, PAGE_SIZE) for name in others):
                loads.other.append(other.seconds())
                other.clear()
    print(json.dumps(asdict(loads)))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
