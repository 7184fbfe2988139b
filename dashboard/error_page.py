"""All that the page of one error group shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, Max, Min, QuerySet, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.error_lines import mark_of
from dashboard.marks import Kind, Mark, error_group_mark, run_mark
from dashboard.sparklines import Bars, bars
from runs.error_filters import MOST_SIGHTINGS, WINDOWS, later_outcome, trends
from runs.filters import NOT_LISTED
from runs.models import Action, ErrorGroup, ErrorSighting, RecordError, SyncJobRun, User
from runs.wire import known_time

MOST_TOUCHED = 50
LOOKED_INTO = 5  # newest runs, for an example
WINDOW = WINDOWS["30d"]
OF_ONE = [F("integrated_account"), F("sync_job")]


@dataclass(frozen=True)
class Touched:
    """An account and job that met the trouble: in how many runs, the newest of them, and whether it is over."""

    sighting: ErrorSighting
    runs: int
    met: int
    mark: Mark
    run_mark: Mark
    may_rerun: bool

    @property
    def run(self) -> SyncJobRun:
        return self.sighting.run


@dataclass(frozen=True)
class Example:
    """One of the errors, as it was noted."""

    run: SyncJobRun
    at: datetime
    message: str
    code: str
    resource: str
    method: str
    status_code: int | None = None
    record_id: str = ""
    url: str = ""
    excerpt: str = ""

    @property
    def trace(self) -> str:
        """All of it as plain text, to be sent to somebody."""
        lines = [
            (_("When"), known_time(self.at)),
            (pgettext("a run", "Run"), self.run.pk),
            (_("Account"), self.run.integrated_account),
            (_("Job"), self.run.sync_job),
            (_("Resource"), f"{self.resource} {self.method}".strip()),
            (_("Record"), self.record_id),
            (_("Address"), self.url),
            (_("Status"), self.status_code),
            (_("Code"), self.code),
            (_("Message"), self.message),
        ]
        head = "\n".join(f"{name}: {value}" for name, value in lines if value)
        return f"{head}\n\n{self.excerpt}" if self.excerpt else head


@dataclass(frozen=True)
class ErrorPage:
    """Read lazily. The group is one `with_outlook`; counts are of the last 30 days, and bounded."""

    group: ErrorGroup
    reader: User
    now: datetime

    @property
    def mark(self) -> Mark:
        return mark_of(self.group)

    @cached_property
    def since(self) -> datetime:
        """From when on is counted."""
        begins = WINDOW.edges(self.now)[0]
        newest = self._newest_first().filter(created_at__gte=begins).values_list("created_at", flat=True)
        cut = newest[MOST_SIGHTINGS : MOST_SIGHTINGS + 1].first()
        return begins if cut is None else max(begins, cut)

    @property
    def is_cut(self) -> bool:
        return self.since > WINDOW.edges(self.now)[0]

    @cached_property
    def tally(self) -> dict[str, int | datetime | None]:
        return self._counted().aggregate(
            runs=Count("id"),
            accounts=Count("integrated_account", distinct=True),
            occurrences=Sum("count", default=0),
            last_at=Max("last_at"),
            first_at=Min("created_at"),
        )

    @cached_property
    def last_at(self) -> datetime | None:
        """Also where that is longer ago than is counted."""
        latest = self._newest_first().values_list("last_at", flat=True)[:1].first()
        counted = self.tally["last_at"]
        return counted if isinstance(counted, datetime) else latest

    @cached_property
    def trend(self) -> Bars:
        return bars(trends(self._counted(), WINDOW).get(self.group.pk, []), WINDOW.edges(self.now))

    @cached_property
    def touched(self) -> list[Touched]:
        """The accounts and jobs that met it last, at most `MOST_TOUCHED`; those that still do stand first."""
        found = self._newest_of_each[:MOST_TOUCHED]
        newest = [sighting.pk for sighting, *_ in found]
        over = ErrorSighting.objects.filter(Exists(later_outcome()), id__in=newest)
        ended = set(over.values_list("id", flat=True))
        touched = [self._touched(*row, still_happens=row[0].pk not in ended) for row in found]
        return sorted(touched, key=lambda one: one.mark.kind != Kind.FAILED)

    @property
    def has_more_touched(self) -> bool:
        return len(self._newest_of_each) > MOST_TOUCHED

    @cached_property
    def still_touched(self) -> int:
        return sum(touched.mark.kind == Kind.FAILED for touched in self.touched)

    @property
    def all_runs(self) -> str:
        """The query of the list of runs for all that met it; dated, for the list has a window of its own."""
        return urlencode({"error": self.group.pk, "since": timezone.localdate(self.group.created_at)})

    @property
    def unresolved_runs(self) -> str:
        """The same for those of the last 30 days that are to be run again."""
        return urlencode({"unresolved": self.group.pk, "since": WINDOW.edges(self.now)[0].date()})

    @property
    def may_rerun(self) -> bool:
        return self.reader.can_operate and any(touched.may_rerun for touched in self.touched)

    @cached_property
    def example(self) -> Example | None:
        """The latest error that is still kept."""
        for sighting in self._named()[:LOOKED_INTO]:
            example = _of_records(sighting, self.group) or _of_run(sighting.run, self.group)
            if example is not None:
                return example
        return None

    def _touched(self, sighting: ErrorSighting, runs: int, met: int, *, still_happens: bool) -> Touched:
        run = sighting.run
        may_rerun = still_happens and self.reader.can_operate and run.can(Action.RERUN)
        mark = error_group_mark(still_happens=still_happens)
        return Touched(sighting, runs, met, mark, run_mark(run, self.now), may_rerun)

    def _newest_first(self) -> QuerySet[ErrorSighting]:
        return self.group.sightings.order_by("-created_at", "-id")

    def _counted(self) -> QuerySet[ErrorSighting]:
        return self.group.sightings.filter(created_at__gte=self.since)

    @cached_property
    def _newest_of_each(self) -> list[tuple[ErrorSighting, int, int]]:
        """Per account and job, with the number of its `runs` and how often they `met` it."""
        newest = [F("created_at").desc(), F("id").desc()]
        ranked = self._counted().annotate(
            rank=Window(RowNumber(), partition_by=OF_ONE, order_by=newest),
            runs=Window(Count("id"), partition_by=OF_ONE),
            met=Window(Sum("count"), partition_by=OF_ONE),
        )
        first = ranked.filter(rank=1).order_by("-created_at", "-id")[: MOST_TOUCHED + 1]
        counts = {row["id"]: row for row in first.values("id", "runs", "met")}
        rows = self._named().filter(id__in=list(counts))
        return [(row, counts[row.pk]["runs"], counts[row.pk]["met"]) for row in rows]

    def _named(self) -> QuerySet[ErrorSighting]:
        """With what a line names, newest first."""
        named = self._newest_first().select_related("run__sync_job", "run__integrated_account__integration")
        return named.defer(*[f"run__{path}" for path in NOT_LISTED])


def _of_records(sighting: ErrorSighting, group: ErrorGroup) -> Example | None:
    errors = RecordError.objects.filter(run=sighting.run_id, fingerprint=group.fingerprint)
    error = errors.order_by("-created_at", "-id").first()
    if error is None:
        return None
    return Example(
        run=sighting.run,
        at=error.created_at,
        message=error.message,
        code=error.code,
        resource=error.resource,
        method=error.method,
        status_code=error.status_code,
        record_id=error.record_id,
        url=error.url,
        excerpt=error.excerpt,
    )


def _of_run(run: SyncJobRun, group: ErrorGroup) -> Example | None:
    """What ended the run, if that is of the group."""
    error = run.error or {}
    if error.get("fingerprint") != group.fingerprint:
        return None
    return Example(
        run=run,
        at=run.finished_at or run.updated_at,
        message=error["message"],
        code=error["code"],
        resource=error.get("resource") or "",
        method=error.get("method") or "",
        status_code=error.get("status_code"),
    )
