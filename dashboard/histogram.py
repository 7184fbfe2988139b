"""The last day as bars: one per half hour, stacked by how the runs created in it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from dashboard.live import version_of
from dashboard.marks import Kind, Mark, status_mark
from runs.models import RunStatus
from runs.wire import known_time

HALF_HOUR = timedelta(minutes=30)
BARS = 48
STEP, WIDTH, HEIGHT = 20, 17, 40  # of a bar; they are stretched over the page's width, the height is in pixels
LEAST = 2  # pixels of what is there at all
# From the ground up: what is calm lies below, what is loud stands on it.
ORDER = (RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.CREATED, RunStatus.RUNNING, RunStatus.FAILED)


@dataclass(frozen=True)
class Slice:
    """The runs of one status within a bar."""

    mark: Mark
    count: int
    y: int
    height: int


@dataclass(frozen=True)
class Bar:
    start: datetime
    x: int
    slices: list[Slice]

    @property
    def end(self) -> datetime:
        return self.start + HALF_HOUR

    @property
    def until(self) -> str:
        """Its last moment, as the address of the list takes it."""
        return known_time(self.end - timedelta(milliseconds=1))

    @property
    def since(self) -> str:
        return known_time(self.start)

    @property
    def total(self) -> int:
        return sum(part.count for part in self.slices)

    @property
    def words(self) -> str:
        """What it tells to those who do not see it, and on hover."""
        return ", ".join(f"{part.count} {str(part.mark.word).lower()}" for part in self.slices) or _("no runs")


@dataclass(frozen=True)
class Histogram:
    bars: list[Bar]

    @property
    def width(self) -> int:
        return BARS * STEP

    @property
    def height(self) -> int:
        return HEIGHT

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)

    @property
    def failed(self) -> int:
        return sum(part.count for bar in self.bars for part in bar.slices if part.mark.kind == Kind.FAILED)

    @property
    def version(self) -> str:
        counts = ([(part.mark.kind, part.count) for part in bar.slices] for bar in self.bars)
        return version_of(self.bars[0].start, *counts)


def first_half_hour(now: datetime) -> datetime:
    """Where the first bar begins; the last one holds `now`."""
    return _at(int(now.timestamp() // 1800) - BARS + 1)


def histogram(rows: Iterable[tuple[int, str, int]], now: datetime) -> Histogram:
    """The bars of these counts by number of half hour and status (`RunFilter.half_hours`)."""
    first = first_half_hour(now)
    number = int(first.timestamp() // 1800)
    counts: list[dict[str, int]] = [{} for _ in range(BARS)]
    for half_hour, status, count in rows:
        if 0 <= half_hour - number < BARS:
            counts[half_hour - number][status] = count
    most = max((sum(found.values()) for found in counts), default=0)
    return Histogram([Bar(_at(number + x), x * STEP, _slices(found, most)) for x, found in enumerate(counts)])


def _slices(counts: dict[str, int], most: int) -> list[Slice]:
    slices: list[Slice] = []
    ground = HEIGHT
    for status in ORDER:
        if count := counts.get(status, 0):
            height = max(LEAST, round(HEIGHT * count / most))
            ground = max(0, ground - height)
            slices.append(Slice(status_mark(status), count, ground, height))
    return slices


def _at(half_hour: int) -> datetime:
    return datetime.fromtimestamp(half_hour * 1800, UTC)
