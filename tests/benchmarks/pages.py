"""Which pages are measured, and what each may cost. A new page takes its line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from django.utils import timezone

from dashboard.run_lines import named, run_lines
from runs.keyset import keyset_page
from runs.models import IntegratedAccount, Record, RunStatus, SyncJob, SyncJobRun

PAGE_10_000 = 10_000
ROWS = 50


@dataclass(frozen=True)
class Landmarks:
    """Rows of the load that the addresses name."""

    failed: SyncJobRun
    completed: SyncJobRun
    live: list[SyncJobRun]
    deep: SyncJobRun
    account: IntegratedAccount
    job: SyncJob
    record: Record

    @classmethod
    def found(cls) -> Landmarks:
        runs = SyncJobRun.objects.order_by("-created_at", "-id")
        depth = min(PAGE_10_000 * ROWS, runs.count() * 9 // 10)
        failed = runs.filter(status=RunStatus.FAILED)[0]
        live = list(runs.filter(status=RunStatus.RUNNING)[:ROWS])
        completed = runs.filter(status=RunStatus.COMPLETED)[0]
        return cls(
            failed,
            completed,
            live,
            runs[depth],
            failed.integrated_account,
            failed.sync_job,
            Record.objects.only("id")[0],
        )

    @property
    def deep_cursor(self) -> str:
        """The cursor of page 10 000 of the list of runs."""
        onwards = SyncJobRun.objects.filter(created_at__lte=self.deep.created_at)
        return quote(keyset_page(onwards, None, 1).next_cursor or "")

    @property
    def poll(self) -> str:
        """What a tab with 50 running runs asks when it knows all of them; counts and bars come with the answer."""
        lines = run_lines(named(SyncJobRun.objects.filter(id__in=[run.pk for run in self.live])), timezone.now())
        ids = ",".join(line.run.pk.hex for line in lines)
        first = quote(keyset_page(SyncJobRun.objects.all(), None, 1).first or "")
        return f"/runs/live/?ids={ids}&v={','.join(line.version for line in lines)}&f=since%3D7d&first={first}"


@dataclass(frozen=True)
class Measured:
    """A page: its address among the landmarks, the p95 it may have (milliseconds) and the most SQL queries."""

    name: str
    address: Callable[[Landmarks], str]
    bar: float = 150
    most_queries: int = 12
    htmx: bool = False
    """Whether HTMX asks for it: a fragment within a page."""


def at(address: str) -> Callable[[Landmarks], str]:
    return lambda marks: address


PAGES = (
    Measured("runs", at("/runs/"), most_queries=12),
    Measured("runs, page 10 000", lambda marks: f"/runs/?since=all&cursor={marks.deep_cursor}"),
    Measured("runs, failed", at("/runs/?status=failed")),
    Measured("runs of an account", lambda marks: f"/runs/?account={marks.account.pk}"),
    Measured("runs of a job", lambda marks: f"/runs/?job={marks.job.pk}"),
    Measured("runs, search", at("/runs/?q=customer-77")),
    Measured("runs, search in vain", at("/runs/?q=nobody-is-called-so")),
    Measured("runs, running now", at("/runs/?status=running&status=created&since=all")),
    Measured("runs of a resource", at("/runs/?resource=contacts")),
    Measured("runs without a job", lambda marks: f"/runs/?not_job={marks.job.pk}"),
    Measured("runs over an hour", at("/runs/?over=1h")),
    Measured("runs with errors", at("/runs/?errors=yes")),
    Measured("runs without records", at("/runs/?status=completed&records=none")),
    Measured("runs, counts", at("/runs/counts/"), htmx=True),
    Measured("runs, bars", at("/runs/histogram/"), htmx=True),
    Measured("runs, poll of 50", lambda marks: marks.poll, htmx=True),
    Measured("run, completed", lambda marks: f"/runs/{marks.completed.pk}/"),
    Measured("run, failed", lambda marks: f"/runs/{marks.failed.pk}/"),
    Measured("run, its log", lambda marks: f"/runs/{marks.failed.pk}/log/"),
    Measured("run, compared", lambda marks: f"/runs/{marks.failed.pk}/compare/"),
    Measured("run, resources of thirty", lambda marks: f"/runs/{marks.failed.pk}/matrix/", htmx=True),
    Measured("needs attention", at("/"), most_queries=14),
    Measured("needs attention, count", at("/attention/count/"), htmx=True),
    Measured("jobs", at("/jobs/")),
    Measured("accounts", at("/accounts/")),
    Measured("schedules", at("/schedules/")),
    Measured("records", at("/records/")),
    Measured("records of a resource", at("/records/?resource=tickets")),
    Measured("records, search by id", at("/records/?record_id=12")),
    Measured("record", lambda marks: f"/records/{marks.record.pk}/"),
    Measured("health", at("/health/"), most_queries=30),
    Measured("metrics", at("/metrics"), most_queries=70),
    Measured("daemons", at("/daemons/")),
)
