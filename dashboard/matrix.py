"""The resources of the last runs of one account and job: a row each, a column per run, a cell that tells its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.marks import Kind, Mark, step_mark
from runs.comparison import step_took
from runs.models import RunStep, SyncJobRun

MOST = 60
_TROUBLE = (Kind.FAILED, Kind.WARNED)


@dataclass(frozen=True)
class Cell:
    """What became of the resource in the run; `step` is None where the run did not have it."""

    run: SyncJobRun
    step: RunStep | None

    @property
    def mark(self) -> Mark | None:
        return step_mark(self.step, self.run) if self.step else None

    @property
    def took(self) -> object:
        return step_took(self.step, self.run) if self.step else None


@dataclass(frozen=True)
class MatrixRow:
    name: str
    cells: list[Cell]

    @property
    def has_trouble(self) -> bool:
        return any(cell.mark and cell.mark.kind in _TROUBLE for cell in self.cells)


@dataclass(frozen=True)
class Matrix:
    runs: list[SyncJobRun]
    rows: list[MatrixRow]
    left_out: int


def matrix(runs: Sequence[SyncJobRun]) -> Matrix:
    """Of these runs, given oldest first, in one query; of more than sixty resources those with trouble come first."""
    steps = RunStep.objects.filter(run__in=[run.pk for run in runs]).order_by("index").defer("cursor")
    found = {(step.run_id, step.name): step for step in steps}
    names = dict.fromkeys(name for _, name in found)
    rows = [MatrixRow(name, [Cell(run, found.get((run.pk, name))) for run in runs]) for name in names]
    if len(rows) > MOST:
        rows.sort(key=lambda row: not row.has_trouble)
    return Matrix(list(runs), rows[:MOST], len(rows) - len(rows[:MOST]))
