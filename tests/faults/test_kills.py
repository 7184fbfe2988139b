"""kill -9 at every crash point, some in each run of the suite; a thousand by `make faults KILLS=1000`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.conftest import Row
from tests.faults.ledgers import SourceLedger, ledger
from tests.faults.nemesis import Nemesis
from tests.faults.orders import MAIL_POINTS, OTHER_POINTS, RUN_POINTS
from tests.faults.stage import Stage
from tests.processes import PROJECT

KILLS = int(os.environ.get("FAULTS_KILLS") or 50)
SEED = int(os.environ.get("FAULTS_SEED") or 20_261_126)
CODE = PROJECT / "runs"
CALL = re.compile(r'crash_at\("(\w+)"\)')
ON_SQLITE = 5  # of so many deaths on PostgreSQL one on SQLite, where one process at a time writes


@pytest.fixture
def source() -> Iterator[SourceLedger]:
    """A small one: most of a run is its beginning, its commits and its end, where the crash points are."""
    with ledger(15, 1) as found:
        yield found


@pytest.mark.quick
def test_every_crash_point_is_somewhere_on_the_way() -> None:
    """An order for a point that nobody passes would never be carried out, and nobody would miss it."""
    passed = {point for file in CODE.rglob("*.py") for point in CALL.findall(file.read_text())}
    assert passed == {*RUN_POINTS, *MAIL_POINTS, *OTHER_POINTS}


@pytest.mark.quick
def test_nothing_is_lost_or_doubled_by_any_kill(stage: Stage, row: Row) -> None:
    """kill -9 at crash points drawn at random"""
    rage(stage, KILLS, row)


def test_nothing_is_lost_or_doubled_by_any_kill_on_sqlite(embedded_stage: Stage, row: Row) -> None:
    """kill -9 at crash points drawn at random"""
    rage(embedded_stage, max(KILLS // ON_SQLITE, 10), row)


def rage(stage: Stage, kills: int, row: Row) -> None:
    row.seed = SEED
    nemesis = Nemesis(stage, kills, Random(SEED))
    deaths = nemesis.rage()
    of_runs = sum(deaths[point] for point in RUN_POINTS)
    assert of_runs > kills / 2, f"Orders about one run are hardly carried out: {deaths}"
    told = ", ".join(f"{point} {count}" for point, count in sorted(deaths.items()))
    row.passed(stage, "LDSFX")
    row.showed(f"{deaths.total()} processes killed in {len(nemesis.accounts)} runs, 0 lost, 0 doubled ({told})")
