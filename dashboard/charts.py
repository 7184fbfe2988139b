"""Drawings of at most sixty points, as numbers that a template draws. Colours come from the style sheet."""

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
FAR_BEYOND = 3  # times as long as nine in ten
FEW = 5  # of so few durations none is cut: there is no telling which is the odd one


@dataclass(frozen=True)
class Bar:
    """One run: its height is how long it took, unless it is cut (`is_broken`). A run that never started is a gap."""

    run: SyncJobRun
    mark: Mark
    took: timedelta | None
    x: int
    height: int
    is_broken: bool = False

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

    @property
    def is_cut(self) -> bool:
        return any(bar.is_broken for bar in self.bars)


def duration_bars(runs: Sequence[SyncJobRun], now: datetime) -> DurationBars:
    """The bars of these runs, given oldest first."""
    took = [run.elapsed(now) for run in runs]
    full = _full_height([time for time in took if time is not None])
    bars = [
        Bar(run, run_mark(run, now), time, index * STEP, _height(time, full), time is not None and time > full)
        for index, (run, time) in enumerate(zip(runs, took, strict=True))
    ]
    completed = [bar.took.total_seconds() for bar in bars if bar.took and bar.run.status == RunStatus.COMPLETED]
    return DurationBars(bars, timedelta(seconds=median(completed)) if completed else None)


def _full_height(took: list[timedelta]) -> timedelta:
    """The duration that fills the height: the longest of those that are not far beyond nine in ten of them.

    Two odd ones among thirty are no rarity, and a percentile that counts them in would flatten all the others.
    """
    longest = max(took, default=timedelta(0)) or timedelta(seconds=1)
    if len(took) <= FEW:
        return longest
    most = sorted(took)[int(0.9 * (len(took) - 1))] or timedelta(seconds=1)
    return max((time for time in took if time <= FAR_BEYOND * most), default=longest) or most


def _height(took: timedelta | None, full: timedelta) -> int:
    return 0 if took is None else max(LEAST, min(HEIGHT, round(HEIGHT * (took / full))))
