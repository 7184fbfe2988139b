"""Part `records`: how fast records move from a paged API into PostgreSQL, beside others who move the same ones.

Ours is a real daemon, told of each run by the broker, with everything on that a run has. In each round every one loads
an empty table, and then the same again with every record there and unchanged; every second round in the reverse order.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass, field
from typing import Protocol

from tests.benchmarks.others import SCRIPTS, Other, install_others
from tests.benchmarks.stage import OURS, Ours, daemon, in_installation, listed, peak_memory, stage

PAGE_SIZE = 1_000
# How many times as fast as each we are to be: the first load, and the unchanged one.
BARS = {
    "dlt, upsert": (5.0, 12.0),
    "Singer, COPY": (4.5, 10.0),
    "Django, bulk_create": (4.5, 10.0),
    "the limit": (0.75, 0.65),
}


@dataclass
class Speed:
    """Seconds of each round, and what the daemon's memory came to at most (kB; 0 for others)."""

    name: str
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    memory: int = 0


class Mover(Protocol):
    """Somebody who moves all records once."""

    @property
    def name(self) -> str: ...

    def clear(self) -> None: ...

    def seconds(self) -> float: ...


def measured(count: int, rounds: int, *, with_others: bool) -> list[Speed]:
    """Of everybody, ours first. Others are installed when first asked for."""
    if with_others:
        install_others()
    arguments = (str(count), str(rounds), *(SCRIPTS if with_others else ()))
    return [Speed(**row) for row in in_installation("tests.benchmarks.records", *arguments)]


def table(count: int, speeds: list[Speed]) -> str:
    """The medians, what they are beside ours, and the bars, in Markdown."""
    ours = speeds[0]
    head = [
        f"## {count:,} records, pages of {PAGE_SIZE:,}, into PostgreSQL",
        "",
        f"Records a second, medians of {len(ours.first)} rounds in turn. `x` is how many times as fast Syncdeck is.",
        f"Its daemon took {ours.memory / 1000:.0f} MB at most.",
        "",
        "| who | first | x | bar | unchanged | x | bar |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*head, *(_line(count, speed, ours) for speed in speeds)])


def _line(count: int, speed: Speed, ours: Speed) -> str:
    cells = []
    for phase, bar in zip(("first", "again"), BARS.get(speed.name, (None, None)), strict=True):
        took, our_time = (statistics.median(getattr(one, phase)) for one in (speed, ours))
        times = took / our_time
        missed = " **under**" if bar is not None and times < bar else ""
        cells.append(f"{count / took:,.0f} | {times:.2f}{missed} | {'' if bar is None else bar}")
    return f"| {speed.name} | {' | '.join(cells)} |"


def _main(count: int, rounds: int, others: list[str]) -> None:
    """Within the process that has the database: prepare, measure, print the speeds as JSON."""
    with stage(count) as (started, url):
        config = {"base_url": url, "resources": {"records": {"list": listed(PAGE_SIZE)}}}
        ours = Ours.of(config, [{"resource": "records", "method": "list", "persist": True}])
        process, dsn = daemon(started), os.environ["DATABASE_URL"]
        movers: list[Mover] = [ours, *(Other(name, url, dsn, PAGE_SIZE) for name in others)]
        speeds = {mover.name: Speed(mover.name) for mover in movers}
        for number in range(rounds):
            for mover in movers if number % 2 == 0 else reversed(movers):
                speeds[mover.name].first.append(mover.seconds())
                speeds[mover.name].again.append(mover.seconds())
                mover.clear()
        speeds[OURS].memory = peak_memory(process)
    print(json.dumps([asdict(speed) for speed in speeds.values()]))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
