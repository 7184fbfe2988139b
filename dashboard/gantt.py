"""When each resource of a run waited and worked, as numbers that a template draws: all across in percent of the width.

The queue is drawn apart from the work: it is nobody's doing in the run, and may be longer than all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.durations import brief_duration
from dashboard.marks import Kind, Mark, step_mark
from runs.models import RunStep, StepStatus, SyncJobRun

MOST = 60
ROW = 24  # pixels
AXIS = 22
_MOST_TICKS = 6
_LONGEST_QUEUE = 0.4  # of the width; a longer one is not drawn to scale
_STEPS = [
    timedelta(seconds=seconds)
    for minute in (1, 60, 3600)
    for seconds in (minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute)
]
_DAY = timedelta(days=1)
_FIRST = (Kind.FAILED, Kind.RUNNING, Kind.WARNED)


@dataclass(frozen=True)
class Span:
    x: float
    width: float

    @property
    def end(self) -> float:
        return round(self.x + self.width, 2)


@dataclass(frozen=True)
class Row:
    """A resource. `is_open`: it is still at work, or still waits."""

    name: str
    mark: Mark
    y: int
    waits: Span | None
    works: Span | None
    waited: timedelta | None
    worked: timedelta | None
    is_open: bool


@dataclass(frozen=True)
class Tick:
    x: float
    words: str


@dataclass(frozen=True)
class Gantt:
    """`queue` is the time before the start; None if it is not drawn to scale, and told in words only."""

    rows: list[Row]
    ticks: list[Tick]
    queued: timedelta
    queue: Span | None
    left_out: int

    @property
    def plot_height(self) -> int:
        return (len(self.rows) + 1) * ROW

    @property
    def height(self) -> int:
        return self.plot_height + AXIS


def gantt(run: SyncJobRun, steps: Sequence[RunStep], now: datetime) -> Gantt | None:
    """The drawing of a run that has started; of more than sixty resources those that tell most."""
    if run.started_at is None or not steps:
        return None
    end = run.finished_at or now
    queued = max(run.started_at - run.created_at, timedelta(0))
    is_to_scale = queued <= _LONGEST_QUEUE * (end - run.created_at)
    scale = _Scale(run.created_at if is_to_scale else run.started_at, end)
    shown = _telling(steps, run)
    return Gantt(
        rows=[_row(step, run, scale, (index + 1) * ROW) for index, step in enumerate(shown)],
        ticks=scale.ticks(),
        queued=queued,
        queue=scale.span(run.created_at, run.started_at) if is_to_scale else None,
        left_out=len(steps) - len(shown),
    )


@dataclass(frozen=True)
class _Scale:
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return max(self.end - self.start, timedelta(seconds=1))

    def span(self, start: datetime, end: datetime) -> Span:
        x = self._percent(start)
        return Span(x, round(max(self._percent(end) - x, 0), 2))

    def ticks(self) -> list[Tick]:
        step = next((step for step in _STEPS if self.length / step <= _MOST_TICKS), None)
        if step is None:
            step = _DAY * (1 + self.length // (_MOST_TICKS * _DAY))
        return [
            Tick(self._percent(self.start + step * n), brief_duration(step * n)) for n in range(self.length // step + 1)
        ]

    def _percent(self, moment: datetime) -> float:
        return round(100 * min(max((moment - self.start) / self.length, 0), 1), 2)


def _row(step: RunStep, run: SyncJobRun, scale: _Scale, y: int) -> Row:
    begun = run.started_at or scale.start
    begins = step.started_at or scale.end
    ends = step.finished_at or scale.end
    is_open = run.is_live and step.finished_at is None
    works = None if step.started_at is None else scale.span(step.started_at, ends)
    worked = None if step.started_at is None else ends - step.started_at
    waits = scale.span(begun, begins)
    mark = step_mark(step, run)
    return Row(step.name, mark, y, waits if waits.width else None, works, begins - begun, worked, is_open)


def _telling(steps: Sequence[RunStep], run: SyncJobRun) -> list[RunStep]:
    """At most sixty, in their order: those that failed, those at work, then those that worked longest."""
    if len(steps) <= MOST:
        return list(steps)

    def weight(step: RunStep) -> tuple[bool, bool, timedelta]:
        worked = (step.finished_at or step.updated_at) - step.started_at if step.started_at else timedelta(0)
        return step_mark(step, run).kind in _FIRST, step.status != StepStatus.PENDING, worked

    chosen = {step.pk for step in sorted(steps, key=weight, reverse=True)[:MOST]}
    return [step for step in steps if step.pk in chosen]
