"""Installations to hurt, their source and their receiver, and the note of what a row showed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests import services
from tests.faults import report
from tests.faults.doors import Doors, installed
from tests.faults.invariants import Checker, Expected
from tests.faults.ledgers import SourceLedger, ledger
from tests.faults.stage import Ground, Stage, embedded_ground, server_ground, staged
from tests.receiver import Receiver, receiving

HERE = Path(__file__).parent
NUMBER = re.compile(r"test_row_(\d+)_")
ON = {True: "PostgreSQL and Redis", False: "SQLite and files"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of the suite takes half an hour: what is not marked as quick is left to `make faults`."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("quick") is None:
            item.add_marker("long")


@dataclass
class Row:
    """A row of the matrix at work: it judges, and notes what it showed. `random` is seeded by the test's name."""

    number: int
    fault: str
    seed: int
    random: Random
    on: str = ""
    judged: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    _searched: set[int] = field(default_factory=set)

    def judge(self, stage: Stage, letters: str, expected: Expected) -> None:
        """Everything of these letters holds. Nor is a secret to be seen, whatever the fault: once for each stage."""
        if id(stage) not in self._searched:
            self._searched.add(id(stage))
            letters += "X" if "X" not in letters else ""
        self.passed(stage, letters)
        findings = Checker(stage, expected).check(letters)
        assert not findings, "\n".join(findings)

    def judge_each(self, stage: Stage, ended: Mapping[str, Mapping[str, Any]]) -> None:
        """Nothing of any of these runs is lost, of which each had an account of its own."""
        for run_id, run in ended.items():
            stage.deck.account_id = run["integrated_account_id"]
            self.judge(stage, "L", Expected([run_id]))

    def passed(self, stage: Stage, letters: str) -> None:
        """These letters are looked at on this stage."""
        self.on = ON[stage.is_on_servers]
        self.judged.extend(letter for letter in letters if letter not in self.judged)

    def showed(self, text: str) -> None:
        self.shown.append(text)

    def note(self) -> report.Note:
        judged, shown = " ".join(self.judged), "; ".join(self.shown)
        return report.Note(self.number, self.fault, self.on, judged, str(self.seed), shown)


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The row of this test, by the number in its name. Its docstring says what the fault is."""
    found = NUMBER.match(request.node.name)
    fault = " ".join((request.function.__doc__ or request.node.name).split()).rstrip(".")
    seed = zlib.crc32(request.node.name.encode())
    made = Row(int(found[1]) if found else 0, fault, seed, Random(seed))
    yield made
    if made.shown:  # a test that fails gets no further than its assertion
        report.keep(made.note(), request.node.name)


@pytest.fixture(scope="session")
def embedded_base(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return embedded_ground(tmp_path_factory.mktemp("embedded") / "data")


@pytest.fixture(scope="session")
def server_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if lacking := services.lacking():
        pytest.skip(f"No answer from {' and '.join(lacking)}")
    with server_ground(tmp_path_factory.mktemp("servers") / "data") as found:
        yield found


@pytest.fixture
def source() -> Iterator[SourceLedger]:
    with ledger() as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def stage(server_base: Ground, tmp_path: Path, source: SourceLedger) -> Iterator[Stage]:
    """On PostgreSQL and Redis."""
    with staged(server_base, tmp_path / "data", source) as found:
        found.define()
        yield found


@pytest.fixture
def embedded_stage(embedded_base: Ground, tmp_path: Path, source: SourceLedger) -> Iterator[Stage]:
    """On SQLite and files."""
    with staged(embedded_base, tmp_path / "data", source) as found:
        found.define()
        yield found


@pytest.fixture(params=["stage", "embedded_stage"], ids=["PostgreSQL and Redis", "SQLite and files"])
def any_stage(request: pytest.FixtureRequest) -> Stage:
    found: Stage = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def doors(server_base: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """An installation with people before it, for rows that leave it as it was."""
    with installed(server_base, tmp_path_factory.mktemp("doors")) as found:
        yield found
