"""What needs a person: runs, accounts, webhooks and schedules; why each of them, and how many there are.

Every query is bounded and reads what an index of its own holds: unsettled runs, live ones, and tables that stay small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.causes import SAMPLES, Cause, causes, open_failures, open_warnings
from dashboard.first_steps import FirstStep, first_steps
from dashboard.live import version_of
from dashboard.marks import Mark, account_mark, run_mark, webhook_mark
from dashboard.run_lines import named
from dashboard.schedule_lines import ScheduleLine, schedule_lines, triggers_named
from dashboard.troubled_runs import Stuck, stuck_runs, troubled
from runs.models import AccountStatus, Action, CronTrigger, Environment, IntegratedAccount, SyncJobRun, Webhook
from runs.models.job import refused_triggers
from runs.punctuality import is_unfired, overdue, unfired

SHOWN = 20  # of each section: six of fifty lines take 120 ms to write, and nobody reads them
COUNTED = 1000
BADGE = 99


@dataclass(frozen=True)
class Concern:
    """One line. `version` changes whenever it reads otherwise; `more` is what its template needs beside `about`."""

    key: str
    template: str
    mark: Mark
    about: Any
    version: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Concerns of one reason. `total` counts up to `COUNTED`; a higher one means that there are more."""

    name: str
    heading: str
    concerns: list[Concern]
    total: int
    address: str

    @property
    def shows_all(self) -> bool:
        """Whether each of them has a line of its own."""
        return self.total <= len(self.concerns)

    @property
    def groups(self) -> bool:
        """Whether a line stands for several of them."""
        return any(concern.more.keys() & {"cause", "stuck"} for concern in self.concerns)

    @property
    def exceeds(self) -> bool:
        """Whether there are more than were counted."""
        return self.total > COUNTED


class Attention:
    """What needs somebody of those who see these environments, at `now`."""

    def __init__(self, environments: QuerySet[Environment], now: datetime) -> None:
        self._environments = environments
        self._now = now

    @cached_property
    def sections(self) -> list[Section]:
        """Those that have something to tell."""
        sections = [
            self._live(),
            self._failed(),
            self._warned(),
            self._accounts(),
            self._webhooks(),
            self._schedules(),
        ]
        return [section for section in sections if section.concerns]

    @cached_property
    def count(self) -> int:
        return sum(section.total for section in self.sections)

    @cached_property
    def last_failure(self) -> SyncJobRun | None:
        """The latest failed run, settled as it is; None if none has ever failed."""
        failed = SyncJobRun.objects.filter(environment__in=self._environments, status="failed")
        return named(failed).order_by("-created_at", "-id").first()

    @cached_property
    def first_steps(self) -> list[FirstStep]:
        """What there is to do until the first run; empty from then on, and wherever something needs attention."""
        return [] if self.sections or self.last_failure else first_steps(self._environments)

    @cached_property
    def version(self) -> str:
        """Changes whenever anything of it reads otherwise, apart from times that the browser counts on by itself."""
        lines = [(concern.key, concern.version) for section in self.sections for concern in section.concerns]
        totals = [(section.name, section.total) for section in self.sections]
        steps = [step.is_done for step in self.first_steps]
        return version_of(lines, totals, steps, "" if lines else getattr(self.last_failure, "pk", None))

    @cached_property
    def _stuck(self) -> list[Stuck]:
        return stuck_runs(troubled(self._environments, self._now), COUNTED + 1)

    @cached_property
    def _causes(self) -> list[Cause]:
        return causes(open_failures(self._environments, self._now), COUNTED + 1)

    @cached_property
    def _warned_ids(self) -> list[UUID]:
        warned = open_warnings(self._environments, self._now).order_by("-created_at", "-id")
        return list(warned.values_list("id", flat=True)[: COUNTED + 1])

    @cached_property
    def _runs(self) -> dict[UUID, SyncJobRun]:
        """All runs that are shown, by id: one query."""
        wanted = [stuck.run_ids[0] for stuck in self._stuck[:SHOWN]] + self._warned_ids[:SHOWN]
        for cause in self._causes[:SHOWN]:
            wanted += [failure.run_id for failure in cause.failures[:SAMPLES]]
        return named(SyncJobRun.objects.all()).defer("args", "resources").in_bulk(wanted) if wanted else {}

    def _live(self) -> Section:
        shown = [(stuck, self._runs.get(stuck.run_ids[0])) for stuck in self._stuck[:SHOWN]]
        concerns = [self._stuck_concern(stuck, run) for stuck, run in shown if run is not None]
        total = sum(len(stuck.run_ids) for stuck in self._stuck)
        return Section("live", _("Live, but stuck"), concerns, total, _list("status=running&status=created&since=all"))

    def _stuck_concern(self, stuck: Stuck, run: SyncJobRun) -> Concern:
        if not stuck.is_group:
            may_force = run.can(Action.FORCE_STOP, self._now)
            facts = (run.lease_until, run.stop_requested_by, may_force)
            return self._run(run, stuck.trouble.value, *facts, may_force_stop=may_force)
        mark, version = run_mark(run, self._now), version_of(len(stuck.run_ids))
        more = {"reason": stuck.trouble.value, "stuck": stuck}
        return Concern(f"group-{version_of(stuck.group)}", "attention/_waiting.html", mark, run, version, more)

    def _failed(self) -> Section:
        concerns = [concern for cause in self._causes[:SHOWN] for concern in self._of_cause(cause)][:SHOWN]
        total = sum(len(cause.failures) for cause in self._causes)
        heading = _("Failed, and not followed by a run that went well")
        return Section("failed", heading, concerns, total, _list("open=failed"))

    def _of_cause(self, cause: Cause) -> list[Concern]:
        runs = [self._runs[one.run_id] for one in cause.failures[:SAMPLES] if one.run_id in self._runs]
        if not cause.is_group or not runs:
            return [self._run(run, "failed", run.keep_open) for run in runs]
        mark, version = run_mark(runs[0], self._now), version_of(len(cause.failures), runs[0].pk)
        more = {"reason": "failed", "cause": cause, "runs": runs}
        return [Concern(f"cause-{cause.key}", "attention/_cause.html", mark, runs[0], version, more)]

    def _warned(self) -> Section:
        runs = [self._runs[run_id] for run_id in self._warned_ids[:SHOWN] if run_id in self._runs]
        concerns = [self._run(run, "warned") for run in runs]
        heading = _("Completed, but entries failed or the records look wrong")
        return Section("warned", heading, concerns, len(self._warned_ids), _list("open=warned"))

    def _run(self, run: SyncJobRun, reason: str, *facts: object, **more: Any) -> Concern:
        mark = run_mark(run, self._now)
        version = version_of(mark.kind, reason, run.integrated_account.status, *facts)
        return Concern(f"run-{run.pk.hex}", "attention/_run.html", mark, run, version, {"reason": reason, **more})

    def _accounts(self) -> Section:
        hidden = ("context", "unified_model_override", "integration__config")
        rows = _accounts(self._environments)
        accounts = list(rows.select_related("integration").defer(*hidden)[: SHOWN + 1])
        concerns = [_other("account", one.pk, account_mark(one), one, one.updated_at) for one in accounts[:SHOWN]]
        total = _total(rows, len(accounts))
        return Section("accounts", _("Accounts that need new credentials"), concerns, total, reverse("account_list"))

    def _webhooks(self) -> Section:
        rows = _webhooks(self._environments)
        webhooks = list(rows.defer("secret")[: SHOWN + 1])
        concerns = [_other("webhook", one.pk, webhook_mark(one), one, one.updated_at) for one in webhooks[:SHOWN]]
        total = _total(rows, len(webhooks))
        return Section("webhooks", _("Webhooks that were switched off"), concerns, total, reverse("webhook_list"))

    def _schedules(self) -> Section:
        rows = _schedules(self._environments, self._now)
        # Found first and named then: joined to all that a line names, the few would be sought among all runs.
        found = list(rows.values_list("pk", flat=True)[: COUNTED + 1])
        triggers = triggers_named(CronTrigger.objects.filter(pk__in=found[:SHOWN])).order_by("next_run_at", "id")
        concerns = [self._schedule(line) for line in schedule_lines(triggers, self._now)]
        heading = _("Schedules that bring no completed run")
        return Section("schedules", heading, concerns, len(found), reverse("schedule_list"))

    def _schedule(self, line: ScheduleLine) -> Concern:
        fault = _fault(line.trigger, self._now)
        facts = (fault, line.trigger.last_skip_reason)
        return _other("schedule", line.trigger.pk, line.mark, line, *facts, fault=fault)


def attention_count(environments: QuerySet[Environment], now: datetime) -> int:
    """How many concerns there are, counted up to a little over `BADGE` for each reason; nothing else is read."""
    queries: list[QuerySet[Any]] = [
        troubled(environments, now),
        open_failures(environments, now),
        open_warnings(environments, now),
        _accounts(environments),
        _webhooks(environments),
        _schedules(environments, now),
    ]
    return sum(rows.order_by()[: BADGE + 1].count() for rows in queries)


def _webhooks(environments: QuerySet[Environment]) -> QuerySet[Webhook]:
    """Those that were switched off because their receivers failed for long; one that a person switched off is none."""
    switched_off = Webhook.objects.live().filter(environment__in=environments, is_active=False)
    return switched_off.exclude(disabled_reason="").order_by("-updated_at", "-id")


def _accounts(environments: QuerySet[Environment]) -> QuerySet[IntegratedAccount]:
    """Those whose source takes their credentials no more."""
    accounts = IntegratedAccount.objects.live().filter(environment__in=environments)
    return accounts.filter(status=AccountStatus.NEEDS_REAUTH).order_by("-updated_at", "-id")


def _schedules(environments: QuerySet[Environment], now: datetime) -> QuerySet[CronTrigger]:
    """The armed ones whose slots are refused, are not fired, or are followed by no completed run.

    Of the last, those are left out whose account has a failure, of a run or of its entries: that is told, and says why.
    """
    armed = CronTrigger.objects.live().filter(environment__in=environments, is_active=True)
    failed = SyncJobRun.objects.open_outages().filter(
        sync_job=OuterRef("sync_job"), integrated_account=OuterRef("integrated_account")
    )
    told = Exists(failed)
    return armed.filter(refused_triggers() | unfired(now) | overdue(now) & ~told).order_by("next_run_at", "id")


def _fault(trigger: CronTrigger, now: datetime) -> str:
    """Why a schedule that needs somebody does, as `trigger_mark` sees it."""
    if is_unfired(trigger, now):
        return "unfired"
    return "refused" if trigger.is_refused else "overdue"


def _other(kind: str, pk: UUID, mark: Mark, about: object, *facts: object, **more: Any) -> Concern:
    version = version_of(mark.kind, *facts)
    return Concern(f"{kind}-{pk.hex}", f"attention/_{kind}.html", mark, about, version, more)


def _total(rows: QuerySet[Any], read: int) -> int:
    """How many there are: counted, up to a bound, only where more were found than are shown."""
    return read if read <= SHOWN else rows.order_by()[: COUNTED + 1].count()


def _list(query: str) -> str:
    return f"{reverse('run_list')}?{query}"
