"""python -m tests.benchmarks [PART …]: measures, prints tables, and puts them into `results.md`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests import services
from tests.benchmarks import control, crowd, dashboard, mapping, memory, polls, records, sqlite, waits

RESULTS = Path(__file__).with_name("results.md")
TITLE = "# Benchmarks"


def main() -> int:
    wished = _arguments()
    lacking = services.lacking()
    if lacking:
        print(f"The benchmarks need PostgreSQL and Redis: no answer from {' and '.join(lacking)}.")
        return 1
    for part in wished.part or PARTS:
        text = PARTS[part](wished)
        print(text, flush=True)
        _keep(text)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help=f"of {', '.join(PARTS)}; without one, all")
    parser.add_argument("--runs", type=int, default=1_000_000, help="dashboard: runs of the large load.")
    parser.add_argument("--rounds", type=int, help="dashboard: how often each page is asked for; others: loads.")
    parser.add_argument("--records", type=int, default=100_000, help="records, sqlite, mapping: how many are moved.")
    parser.add_argument("--drain", type=int, default=1_000, help="control: runs of one page in each round.")
    parser.add_argument(
        "--queued", type=int, default=100_000, help="control, crowd: runs that wait while others are taken."
    )
    parser.add_argument("--peers", action="store_true", help="records, sqlite: install others, and measure them too.")
    return parser.parse_args()


def _dashboard(wished: argparse.Namespace) -> str:
    rounds = wished.rounds or 40
    small = dashboard.measured(dashboard.SMALL, rounds)
    return dashboard.table(wished.runs, dashboard.measured(wished.runs, rounds), small)


def _records(wished: argparse.Namespace) -> str:
    speeds = records.measured(wished.records, wished.rounds or 3, with_others=wished.peers)
    return records.table(wished.records, speeds)


def _polls(wished: argparse.Namespace) -> str:
    return polls.table(polls.measured(wished.rounds or 5, seconds=2.0))


def _control(wished: argparse.Namespace) -> str:
    return control.table(control.measured(wished.drain, 20, wished.queued, wished.rounds or 3))


def _waits(wished: argparse.Namespace) -> str:
    return waits.table(waits.measured(20_000, 1_000, wished.rounds or 3))


def _sqlite(wished: argparse.Namespace) -> str:
    return sqlite.table(sqlite.measured(wished.records, wished.rounds or 3, with_others=wished.peers))


def _mapping(wished: argparse.Namespace) -> str:
    return mapping.table(mapping.measured(wished.records, wished.rounds or 3))


def _memory(_: argparse.Namespace) -> str:
    return memory.table(memory.measured((100_000, 1_000_000), (1_000, 20_000)))


def _crowd(wished: argparse.Namespace) -> str:
    return crowd.table(wished.queued, crowd.measured(wished.queued, 300, 1_800, 200, 300))


PARTS: dict[str, Callable[[argparse.Namespace], str]] = {
    "dashboard": _dashboard,
    "polls": _polls,
    "records": _records,
    "sqlite": _sqlite,
    "mapping": _mapping,
    "waits": _waits,
    "memory": _memory,
    "control": _control,
    "crowd": _crowd,
}


def _keep(text: str) -> None:
    """In place of the section of the same heading, with the day and the machine."""
    heading, _, rest = text.partition("\n")
    section = f"{heading}\n\n{_machine()}\n{rest}\n"
    kept = RESULTS.read_text().split("\n## ")[1:] if RESULTS.exists() else []
    others = [f"## {one.rstrip()}\n" for one in kept if f"## {one.partition(chr(10))[0]}" != heading]
    RESULTS.write_text("\n".join([f"{TITLE}\n", *others, section]))


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.now(UTC).date()
    return (
        f"{today}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    sys.exit(main())
