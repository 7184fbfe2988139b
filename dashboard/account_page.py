"""All that the page of one account shows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.account_lines import freshness_of, state_mark
from dashboard.audit_lines import AuditLine, audit_lines
from dashboard.day_strip import DayStrip, day_strips
from dashboard.marks import Mark, account_mark, ending_mark, punctuality_mark, run_mark
from dashboard.schedule_lines import ScheduleLine, schedule_lines, triggers_named
from runs.connectors import ApiSpec, SpecError, parse_integration
from runs.keyset import Page
from runs.models import (
    AccountFreshness,
    AuditEntry,
    CronTrigger,
    IntegratedAccount,
    JobFreshness,
    SyncJob,
    SyncJobRun,
    User,
)
from runs.punctuality import judged
from runs.services import consent_of
from runs.timeline import KINDS, timeline_page

LINES = 50
MOST_LIVE = 20
MOST_JOBS = 200
KIND_WORDS = {
    "": _("Everything"),
    "runs": _("Runs"),
    "reruns": _("Reruns"),
    "stops": _("Stops"),
    "connection": _("Connection"),
    "settings": _("Settings"),
    "schedules": _("Schedules"),
}


@dataclass(frozen=True)
class JobLine:
    """What one job does for the account. `freshness` is None before a first run of it has ended."""

    job: SyncJob
    mark: Mark
    freshness: JobFreshness | None
    last_mark: Mark | None
    schedules: list[ScheduleLine]


@dataclass(frozen=True)
class RunHappening:
    """A run on the timeline."""

    run: SyncJobRun
    mark: Mark
    took: timedelta | None


@dataclass(frozen=True)
class Happening:
    """A line of the timeline: of a run, or of the audit list."""

    at: datetime
    run: RunHappening | None
    audit: AuditLine | None


@dataclass(frozen=True)
class AccountPage:
    """Read lazily. The account has to come with its integration and freshness, and without its context."""

    account: IntegratedAccount
    reader: User
    now: datetime
    kind: str
    cursor: str | None

    @classmethod
    def of(cls, account: IntegratedAccount, reader: User, kind: str, cursor: str | None) -> AccountPage:
        return cls(account, reader, timezone.now(), kind if kind in KINDS else "", cursor)

    @cached_property
    def mark(self) -> Mark:
        return state_mark(self.account, self._judged)

    @cached_property
    def status_mark(self) -> Mark:
        return account_mark(self.account)

    @cached_property
    def freshness(self) -> AccountFreshness | None:
        return freshness_of(self.account)

    @cached_property
    def strip(self) -> DayStrip:
        return day_strips([self.account.pk], self.now)[self.account.pk]

    @cached_property
    def concurrency(self) -> int | None:
        """How many requests of it may be in flight; None if the integration is not valid."""
        return self._spec.concurrency if self._spec else None

    @cached_property
    def connects(self) -> bool:
        """Whether it is connected in a browser."""
        return self.account.deleted_at is None and consent_of(self.account.integration) is not None

    @cached_property
    def live(self) -> list[tuple[SyncJobRun, Mark]]:
        runs = self.account.runs.live().select_related("sync_job").order_by("-created_at", "-id")
        shown = runs.defer("args", "resources", "sync_job__resources", "sync_job__args_schema")[:MOST_LIVE]
        return [(run, run_mark(run, self.now)) for run in shown]

    @cached_property
    def jobs(self) -> list[JobLine]:
        """The jobs that have run for it, or are scheduled to, by their labels."""
        rows = JobFreshness.objects.filter(account=self.account, sync_job__deleted_at=None)
        ended = {row.sync_job_id: row for row in rows.select_related("sync_job").defer(*_unlisted("sync_job"))}
        jobs = {row.sync_job_id: row.sync_job for row in ended.values()}
        jobs |= {job_id: lines[0].trigger.sync_job for job_id, lines in self._schedules.items()}
        lines = [self._job_line(job, ended.get(job_id)) for job_id, job in jobs.items() if job.deleted_at is None]
        return sorted(lines, key=lambda line: line.job.label.lower())

    @cached_property
    def other_jobs(self) -> list[tuple[UUID, str]]:
        """The jobs of its integration that can be run for it, besides those of the table."""
        known = {line.job.pk for line in self.jobs}
        jobs = SyncJob.objects.live().filter(
            environment=self.account.environment_id, integration=self.account.integration_id
        )
        found = jobs.order_by("label", "id").values_list("id", "label")[:MOST_JOBS]
        return [(job_id, label) for job_id, label in found if job_id not in known]

    @cached_property
    def timeline(self) -> Page[Any]:
        return timeline_page(self.account, self.kind, self.cursor, LINES)

    @cached_property
    def happenings(self) -> list[Happening]:
        rows = self.timeline.rows
        told = audit_lines([row for row in rows if isinstance(row, AuditEntry)], self.reader)
        by_id = {line.entry.pk: line for line in told}
        return [
            Happening(row.created_at, None, by_id[row.pk]) if row.pk in by_id else self._run_happening(row)
            for row in rows
        ]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(kind, str(words)) for kind, words in KIND_WORDS.items()]

    @property
    def may_run(self) -> bool:
        return self.reader.can_operate and self.account.deleted_at is None

    @property
    def may_give_credentials(self) -> bool:
        return self.reader.has_perm("runs.change_integratedaccount")

    @cached_property
    def _spec(self) -> ApiSpec | None:
        try:
            return parse_integration(self.account.integration.config)
        except SpecError:
            return None

    @cached_property
    def _judged(self) -> list[Any]:
        return list(judged(self.now).filter(integrated_account=self.account).only("sync_job_id"))

    @cached_property
    def _schedules(self) -> dict[UUID, list[ScheduleLine]]:
        triggers = CronTrigger.objects.live().filter(integrated_account=self.account)
        by_job: dict[UUID, list[ScheduleLine]] = defaultdict(list)
        for line in schedule_lines(triggers_named(triggers).order_by("created_at")[:MOST_JOBS], self.now):
            by_job[line.trigger.sync_job_id].append(line)
        return by_job

    def _job_line(self, job: SyncJob, freshness: JobFreshness | None) -> JobLine:
        return JobLine(
            job=job,
            mark=punctuality_mark(one.punctuality for one in self._judged if one.sync_job_id == job.pk),
            freshness=freshness,
            last_mark=ending_mark(freshness.last_ending) if freshness and freshness.last_ending else None,
            schedules=self._schedules.get(job.pk, []),
        )

    def _run_happening(self, run: SyncJobRun) -> Happening:
        return Happening(run.created_at, RunHappening(run, run_mark(run, self.now), run.elapsed(self.now)), None)


def _unlisted(path: str) -> tuple[str, str]:
    return f"{path}__resources", f"{path}__args_schema"
