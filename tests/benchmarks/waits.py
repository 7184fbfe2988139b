"""Part `waits`: how much of the time goes to the source's own waiting, and how much of it is waited side by side.

Ours is a real daemon with everything on that a run has; in each round every kind of run is made once, in turn.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.stage import Ours, daemon, in_installation, listed, stage

PAGE_SIZE = 100
PAGE_LATENCY = 0.02  # seconds
CHILD_LATENCY = 0.05
FETCHERS = 4
CONCURRENCY = 16
# How much of the ceiling one fetcher reaches; how many times as fast several are; and so the children.
BARS = {"share": 0.9, "fetchers": 3.5, "children": 12.0}
PARENTS = {"resource": "records", "method": "list"}
CHILDREN = {"resource": "details", "method": "get", "id": "{{resources.records.id}}", "depends_on": "records"}


@dataclass
class Waits:
    """Seconds of each round: of all pages, and of the children of all parents. `bare` is a loop that only reads pages:
    what the machine leaves of the ceiling."""

    records: int
    parents: int
    bare: list[float] = field(default_factory=list)
    one_fetcher: list[float] = field(default_factory=list)
    several_fetchers: list[float] = field(default_factory=list)
    one_by_one: list[float] = field(default_factory=list)
    side_by_side: list[float] = field(default_factory=list)


def measured(records: int, parents: int, rounds: int) -> Waits:
    numbers = (str(number) for number in (records, parents, rounds))
    return Waits(**in_installation("tests.benchmarks.waits", *numbers))


def table(waits: Waits) -> str:
    """The medians and the bars, in Markdown."""
    one, several, by_one, beside = (
        statistics.median(rows)
        for rows in (waits.one_fetcher, waits.several_fetchers, waits.one_by_one, waits.side_by_side)
    )
    ceiling = PAGE_SIZE / PAGE_LATENCY
    rate, bare = waits.records / one, waits.records / statistics.median(waits.bare)
    head = [
        "## Waiting for the source",
        "",
        f"Medians of {len(waits.one_fetcher)} rounds in turn. The ceiling is what a source allows that takes "
        f"{PAGE_LATENCY * 1000:.0f} ms for a page of {PAGE_SIZE}: {ceiling:,.0f} records a second.",
        "",
        "| what | per second | x | bar |",
        "| --- | ---: | ---: | ---: |",
        f"| a loop that only reads the pages, beside the ceiling | {bare:,.0f} | {bare / ceiling:.2f} | |",
        _line(f"{waits.records:,} records, one fetcher, beside the ceiling", rate, rate / ceiling, "share"),
        _line(f"the same, {FETCHERS} fetchers, beside one", waits.records / several, one / several, "fetchers"),
        _line(
            f"{waits.parents:,} parents, each with a request of {CHILD_LATENCY * 1000:.0f} ms, {CONCURRENCY} at once, "
            "beside one at a time",
            waits.parents / beside,
            by_one / beside,
            "children",
        ),
    ]
    return "\n".join(head)


def _line(what: str, rate: float, times: float, bar: str) -> str:
    missed = " **under**" if times < BARS[bar] else ""
    return f"| {what} | {rate:,.0f} | {times:.2f}{missed} | {BARS[bar]} |"


def children_config(url: str, parents: int, *, latency: float, concurrency: int) -> dict[str, Any]:
    """An API of so many parents, each of which has one more request."""
    details = {"method": "get", "path": "/records/{{id}}", "query": {"latency": latency * 1000}}
    resources = {"records": {"list": listed(PAGE_SIZE, of=parents)}, "details": {"get": details}}
    return {"base_url": url, "concurrency": concurrency, "resources": resources}


def _pages_config(url: str, records: int, fetchers: int) -> dict[str, Any]:
    method = listed(PAGE_SIZE, of=records, latency=PAGE_LATENCY * 1000)
    method["pagination"]["config"]["concurrency"] = fetchers
    return {"base_url": url, "resources": {"records": {"list": method}}}


def _main(records: int, parents: int, rounds: int) -> None:
    waits = Waits(records, parents)
    with stage(max(records, parents)) as (started, url):
        one, several = (
            Ours.of(_pages_config(url, records, count), [{**PARENTS, "persist": True}]) for count in (1, FETCHERS)
        )
        alone, beside = (
            Ours.of(
                children_config(url, parents, latency=CHILD_LATENCY, concurrency=count),
                [PARENTS, {**CHILDREN, "persist": True}],
            )
            for count in (1, CONCURRENCY)
        )
        daemon(started)
        for _ in range(rounds):
            waits.bare.append(_bare_seconds(url, records))
            waits.one_fetcher.append(one.seconds())
            waits.several_fetchers.append(several.seconds())
            waits.side_by_side.append(_seconds_of_children(beside))
            waits.one_by_one.append(_seconds_of_children(alone))
            one.clear()
    print(json.dumps(asdict(waits)))


def _bare_seconds(url: str, records: int) -> float:
    begun = time.perf_counter()
    with closing(HTTPConnection(urlsplit(url).netloc)) as connection:
        for page in range(1, records // PAGE_SIZE + 1):
            query = f"page={page}&per_page={PAGE_SIZE}&of={records}&latency={PAGE_LATENCY * 1000}"
            connection.request("GET", f"/records?{query}")
            assert connection.getresponse().read()
    return time.perf_counter() - begun


def _seconds_of_children(ours: Ours) -> float:
    step = ours.run().steps.get(name=CHILDREN["resource"])
    return float((step.finished_at - step.started_at).total_seconds())


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
