"""Part `memory`: what a daemon takes at most, and whether that grows with what it moves."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import waits
from tests.benchmarks.stage import Ours, daemon, in_installation, listed, peak_memory, stage
from tests.processes import Processes

PAGE_SIZE = 1_000
MOST = 110.0  # MB
GROWTH = 1.05


@dataclass
class Peaks:
    """MB that a daemon took at most for a small run, and another one for a large run of the same kind."""

    what: str
    small: float
    large: float


def measured(records: tuple[int, int], parents: tuple[int, int] | None) -> list[Peaks]:
    """Of so many records, few and many; and of children of so many parents."""
    peaks = [Peaks(f"{records[0]:,} and {records[1]:,} records", *_peaks("records", records))]
    if parents is not None:
        what = f"children of {parents[0]:,} and {parents[1]:,} parents"
        peaks.append(Peaks(what, *_peaks("parents", parents)))
    return peaks


def table(peaks: list[Peaks]) -> str:
    head = [
        "## Memory of a daemon",
        "",
        "What it took at most (MB, resident, with all that is loaded), a new one for each run.",
        "",
        "| what | small | large | bar | growth | bar |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*head, *map(_line, peaks)])


def _line(peak: Peaks) -> str:
    growth = peak.large / peak.small
    large = f"{peak.large:.0f}{' **over**' if peak.large > MOST else ''}"
    grown = f"{growth:.2f}{' **over**' if growth > GROWTH else ''}"
    return f"| {peak.what} | {peak.small:.0f} | {large} | {MOST:.0f} | {grown} | {GROWTH} |"


def _peaks(kind: str, counts: tuple[int, int]) -> list[float]:
    peaks: list[float] = in_installation("tests.benchmarks.memory", kind, *map(str, counts))
    return peaks


def _main(kind: str, counts: list[int]) -> None:
    with stage(max(counts)) as (started, url):
        peaks = [
            _peak(started, _records(url, count) if kind == "records" else _children(url, count)) for count in counts
        ]
    print(json.dumps(peaks))


def _peak(started: Processes, ours: Ours) -> float:
    process = daemon(started)
    ours.run()
    peak = peak_memory(process) / 1000
    process.end()
    return peak


def _records(url: str, count: int) -> Ours:
    config = {"base_url": url, "resources": {"records": {"list": listed(PAGE_SIZE, of=count)}}}
    return Ours.of(config, [{"resource": "records", "method": "list", "persist": True}])


def _children(url: str, count: int) -> Ours:
    config: dict[str, Any] = waits.children_config(url, count, latency=0, concurrency=waits.CONCURRENCY)
    return Ours.of(config, [waits.PARENTS, {**waits.CHILDREN, "persist": True}])


if __name__ == "__main__":
    _main(sys.argv[1], [int(count) for count in sys.argv[2:]])
