"""How often something was met over a stretch of time, as a line or as bars of at most sixty points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 96, 20
MARGIN = 2
BAR, STEP, BARS_HEIGHT = 14, 18, 56
LEAST = 2  # pixels: a bar that can be seen


@dataclass(frozen=True)
class Part:
    """One part of the time: when it begins, and how often in it."""

    begins: datetime
    count: int
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Sparkline:
    """Counts over time, oldest first. The baseline is zero."""

    parts: list[Part]

    @property
    def points(self) -> str:
        return " ".join(f"{part.x},{part.y}" for part in self.parts)

    @property
    def last(self) -> Part:
        return self.parts[-1]

    @property
    def peak(self) -> Part:
        return max(self.parts, key=lambda part: part.count)

    @property
    def total(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def baseline(self) -> int:
        return HEIGHT - MARGIN


@dataclass(frozen=True)
class Bars(Sparkline):
    """The same as bars, for a page that has room."""

    @property
    def width(self) -> int:
        return len(self.parts) * STEP

    @property
    def baseline(self) -> int:
        return BARS_HEIGHT


def sparkline(met: Iterable[tuple[datetime, int]], edges: Sequence[datetime]) -> Sparkline:
    """The line of what was met at these moments, counted into the parts that begin at the edges."""
    counts, reach = _counted(met, edges), HEIGHT - 2 * MARGIN
    most, steps = max(*counts, 1), max(len(counts) - 1, 1)
    return Sparkline([
        Part(edge, count, MARGIN + round(index * (WIDTH - 2 * MARGIN) / steps), HEIGHT - MARGIN - height, height)
        for index, (edge, count) in enumerate(zip(edges, counts, strict=True))
        for height in [round(reach * count / most)]
    ])  # fmt: skip


def bars(met: Iterable[tuple[datetime, int]], edges: Sequence[datetime]) -> Bars:
    counts = _counted(met, edges)
    most = max(*counts, 1)
    heights = [max(LEAST, round(BARS_HEIGHT * count / most)) if count else 0 for count in counts]
    return Bars([
        Part(edge, count, index * STEP, BARS_HEIGHT - height, height)
        for index, (edge, count, height) in enumerate(zip(edges, counts, heights, strict=True))
    ])  # fmt: skip


def _counted(met: Iterable[tuple[datetime, int]], edges: Sequence[datetime]) -> list[int]:
    """What lies before the first edge belongs to the first part: its hour began within it."""
    counts = [0] * len(edges)
    for moment, count in met:
        counts[max(0, bisect_right(edges, moment) - 1)] += count
    return counts
