"""python -m tests.benchmarks [PART …] [--runs N] [--rounds N]: measures, prints tables, and writes `results.md`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests import services
from tests.benchmarks import dashboard

RESULTS = Path(__file__).with_name("results.md")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", choices=["dashboard"], default="dashboard")
    parser.add_argument("--runs", type=int, default=1_000_000, help="Runs of the large load.")
    parser.add_argument("--rounds", type=int, default=40, help="How often each page is asked for.")
    wished = parser.parse_args()
    lacking = services.lacking()
    if lacking:
        print(f"The benchmark needs PostgreSQL: no answer from {' and '.join(lacking)}.")
        return 1
    text = f"# Benchmarks\n\n{_machine()}\n\n{_dashboard(wished.runs, wished.rounds)}\n"
    print(text)
    RESULTS.write_text(text)
    return 0


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.now(UTC).date()
    return (
        f"{today}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}."
    )


def _dashboard(runs: int, rounds: int) -> str:
    small = dashboard.measured(dashboard.SMALL, rounds)
    return dashboard.table(runs, dashboard.measured(runs, rounds), small)


if __name__ == "__main__":
    sys.exit(main())
