"""Drawings of at most thirty points, as numbers that a template draws. Colours come from the style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from dashboard.marks import Mark, run_mark
from runs.models import RunStatus, SyncJobRun

HEIGHT = 44
STEP = 12
LEAST = 2  # pixels: a bar that can be seen and hit


@dataclass(frozen=True)
class Bar:
    """One run: its height is how long it took. A run that never started is a gap."""

    run: SyncJobRun
    mark: Mark
    took: timedelta | None
    x: int
    height: int

    @property
    def y(self) -> int:
        return HEIGHT - self.height


@dataclass(frozen=True)
class DurationBars:
    """Runs side by side, oldest first. `usual`: the median of those that completed; None if none did."""

    bars: list[Bar]
    usual: timedelta | None

    @property
    def width(self) -> int:
        return len(self.bars) * STEP


def duration_bars(runs: Sequence[SyncJobRun], now: datetime) -> DurationBars:
    """The bars of these runs, given oldest first."""
    took = [run.elapsed(now) for run in runs]
    longest = max((time for time in took if time), default=timedelta(seconds=1))
    bars = [
        Bar(run, run_mark(run, now), time, index * STEP, _height(time, longest))
        for index, (run, time) in enumerate(zip(runs, took, strict=True))
    ]
    completed = [bar.took.total_seconds() for bar in bars if bar.took and bar.run.status == RunStatus.COMPLETED]
    return DurationBars(bars, timedelta(seconds=median(completed)) if completed else None)


def _height(took: timedelta | None, longest: timedelta) -> int:
    return 0 if took is None else max(LEAST, round(HEIGHT * (took / longest)))
