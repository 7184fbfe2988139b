"""A run's progress on the terminal, read from its rows: what any other screen shows, no more and no less."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from runs.models import RunStep, StepStatus, SyncJobRun
from runs.words import end_in_words, error_in_words, harmless

REFRESH = 0.5  # seconds


class RunProgress:
    """One bar per resource entry. Where the output is no terminal only the last state is printed."""

    def __init__(self, run_id: UUID, console: Console) -> None:
        self._run_id = run_id
        self._bars: dict[UUID, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
        )

    def follow(self, pause: Callable[[float], bool]) -> None:
        """Draw until `pause`, which waits for the given seconds at most, says that it is over."""
        with self._progress:
            self._draw()
            while not pause(REFRESH):
                self._draw()
            self._draw()

    def _draw(self) -> None:
        for step in RunStep.objects.filter(run=self._run_id).order_by("index"):
            if step.id not in self._bars:
                self._bars[step.id] = self._progress.add_task(escape(harmless(step.name)), total=None, counts="")
            done = step.status == StepStatus.COMPLETED
            total = step.request_total if step.request_total and step.request_total > 1 else None
            self._progress.update(
                self._bars[step.id],
                completed=1 if done else step.position,
                total=1 if done else total,
                counts=f"{step.fetched:,} fetched, {step.persisted:,} persisted",
            )


def last_lines(run: SyncJobRun) -> str:
    """How the run ended, in one line; and in another what went wrong first, where it went on from that."""
    first = first_error(run)
    return _end(run) + (f"\nFirst error: {first}" if first else "")


def first_error(run: SyncJobRun) -> str:
    """Of the errors that the run went on from, in words; empty without any, and where the run itself has failed."""
    if run.error or not run.error_count:
        return ""
    error = run.record_errors.order_by("created_at", "id").only("resource", "message", "code").first()
    return "" if error is None else error_in_words(error.resource, error.message, error.code)


def _end(run: SyncJobRun) -> str:
    elapsed = run.elapsed(timezone.now())
    seconds = None if elapsed is None else elapsed.total_seconds()
    return end_in_words(run.status, run.counts, seconds, run.error_text() if run.error else "")
