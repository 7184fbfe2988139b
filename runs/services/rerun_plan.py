"""What a rerun would do today: asked before it is ordered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runs.engine.entries import parse_entries
from runs.engine.plan import incremental_keys, previous_run_dates
from runs.errors import Failure, InvalidInput
from runs.models import RunMode, RunTrigger, SyncJobRun
from runs.services.run_guards import live_run_like
from runs.services.run_request import spec_of
from runs.services.runs import Origin, incremental_scope, prepare_run, rerun_request


@dataclass(frozen=True)
class Window:
    """Since when an entry would fetch; None: from the beginning."""

    entry: str
    since: datetime | None


@dataclass(frozen=True)
class RerunPlan:
    """The windows of the entries that ask the source, and what would keep the rerun from being accepted."""

    windows: tuple[Window, ...]
    failures: tuple[Failure, ...]
    live_run: SyncJobRun | None

    @property
    def earliest(self) -> datetime | None:
        """From when on anything is fetched; None where at least one entry has no date."""
        dates = [window.since for window in self.windows if window.since is not None]
        return min(dates) if dates and len(dates) == len(self.windows) else None

    @property
    def mode(self) -> RunMode:
        """How it would fetch."""
        return RunMode.INCREMENTAL if any(window.since for window in self.windows) else RunMode.FULL

    @property
    def differs(self) -> bool:
        """Whether the entries have windows of their own."""
        return len({window.since for window in self.windows}) > 1


def rerun_plan(run: SyncJobRun, *, ignore_previous_run: bool = False) -> RerunPlan:
    """The plan of a rerun in this mode. Nothing is written."""
    try:
        prepare_run(rerun_request(run, ignore_previous_run=ignore_previous_run), Origin(RunTrigger.RERUN))
        windows = _windows(run, ignore_previous_run)
    except InvalidInput as refused:
        return RerunPlan((), tuple(refused.failures), None)
    return RerunPlan(windows, (), live_run_like(run))


def rerun_window(run: SyncJobRun) -> datetime | None:
    """From when on a plain rerun would fetch: the earliest date of its entries.

    None: at least one has no date yet, or its entries would be refused.
    """
    try:
        return RerunPlan(_windows(run), (), None).earliest
    except InvalidInput:
        return None


def _windows(run: SyncJobRun, ignore_previous_run: bool = False) -> tuple[Window, ...]:
    """Of the entries that ask the source; one that works on its parent's records has none. Raises InvalidInput."""
    spec = spec_of(run.integrated_account.integration, account=run.integrated_account)
    entries = parse_entries(run.resources if run.has_own_resources else run.sync_job.resources, spec)
    keys = incremental_keys(entries, incremental_scope(run))
    dates = {} if ignore_previous_run else previous_run_dates(list(keys.values()), spec.incremental_overlap)
    return tuple(Window(entry.name, dates.get(keys[entry.name])) for entry in entries if entry.makes_requests)
