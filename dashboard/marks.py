"""What state a thing is shown in: one shape, one word and one colour per state, the same on every page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from runs.account_filters import BY_PUNCTUALITY, AccountState
from runs.models import (
    AccountStatus,
    AlertMessage,
    AlertRule,
    ApiToken,
    BulkAction,
    BulkOutcome,
    BulkStatus,
    CronTrigger,
    Daemon,
    DaemonStatus,
    Delivery,
    DeliveryStatus,
    Ending,
    IntegratedAccount,
    MessageStatus,
    Record,
    RunStatus,
    RunStep,
    StepStatus,
    SyncJobRun,
    User,
    Webhook,
)
from runs.punctuality import Punctuality, is_overdue, is_unfired
from runs.services import CatalogState

# A daemon renews its lease long before the end; this leaves it one missed round.
SILENCE = timedelta(seconds=5)


class Kind(StrEnum):
    """The shapes. `static/css/parts.css` has a colour for each, `_mark.html` a drawing."""

    CREATED = "created"
    RUNNING = "running"
    STOPPING = "stopping"
    STALE = "stale"
    COMPLETED = "completed"
    WARNED = "warned"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Mark:
    kind: Kind
    word: str


def silent(now: datetime) -> Q:
    """The running runs whose lease has ended: their daemon gave no sign of life, and no other has taken over."""
    return Q(status=RunStatus.RUNNING, lease_until__lt=now - SILENCE)


def is_silent(run: SyncJobRun, now: datetime) -> bool:
    """Whether `silent` holds for this run."""
    return run.status == RunStatus.RUNNING and run.lease_until is not None and run.lease_until < now - SILENCE


def unclaimed(now: datetime) -> Q:
    """The running runs that could go on and that no daemon has: between two slices, or their wait is over."""
    return Q(status=RunStatus.RUNNING, lease_until=None) & (Q(resume_at=None) | Q(resume_at__lte=now))


def awaits_daemon(run: SyncJobRun, now: datetime) -> bool:
    """Whether the run waits for a daemon of its group: it was created, or `unclaimed` holds for it."""
    if run.status == RunStatus.CREATED:
        return True
    goes_on = run.resume_at is None or run.resume_at <= now
    return run.status == RunStatus.RUNNING and run.lease_until is None and goes_on


def run_mark(run: SyncJobRun, now: datetime) -> Mark:
    """The state of a run, seen at `now`: finer than its status, because of stops asked for and of silence."""
    if run.is_stopping:
        return Mark(Kind.STOPPING, _("Stopping"))
    if is_silent(run, now):
        return Mark(Kind.STALE, _("No sign of life"))
    if run.status == RunStatus.COMPLETED and run.error_count:
        return Mark(Kind.WARNED, _("Completed with errors"))
    if run.warning:
        return Mark(Kind.WARNED, _("Completed with warning"))
    return status_mark(run.status)


def status_mark(status: str) -> Mark:
    """The state of any run of this status."""
    return Mark(Kind(status), str(_STATUS_WORDS[RunStatus(status)]))


_STATUS_WORDS = {
    RunStatus.CREATED: gettext_lazy("Waiting"),
    RunStatus.RUNNING: gettext_lazy("Running"),
    RunStatus.COMPLETED: gettext_lazy("Completed"),
    RunStatus.FAILED: gettext_lazy("Failed"),
    RunStatus.STOPPED: gettext_lazy("Stopped"),
}


def step_mark(step: RunStep, run: SyncJobRun) -> Mark:
    """The state of an entry; one that its ended run never came to is not reached."""
    match step.status:
        case StepStatus.PENDING:
            return Mark(Kind.CREATED, _("Waiting") if run.is_live else _("Not reached"))
        case StepStatus.RUNNING if not run.is_live:
            return Mark(Kind.STOPPED, _("Cut short"))
        case StepStatus.COMPLETED if step.error_count:
            return Mark(Kind.WARNED, _("Completed with errors"))
        case StepStatus.COMPLETED if any(warning.name == step.name for warning in run.data_warnings):
            return Mark(Kind.WARNED, _("Completed with warning"))
        case unknown if unknown not in StepStatus.values:  # another version of the code has written it
            return Mark(Kind.STOPPED, _("Unknown"))
        case _:
            return status_mark(step.status)


def account_mark(account: IntegratedAccount) -> Mark:
    if account.status == AccountStatus.ACTIVE:
        return Mark(Kind.COMPLETED, _("Active"))
    if account.status == AccountStatus.CONNECTING:
        return Mark(Kind.CREATED, _("Connecting"))
    needs = account.status == AccountStatus.NEEDS_REAUTH
    return Mark(Kind.FAILED, _("Needs new credentials") if needs else account.get_status_display())


def ending_mark(ending: str) -> Mark:
    """How a run has ended, as its account remembers it."""
    if ending == Ending.WARNED:
        return Mark(Kind.WARNED, str(Ending.WARNED.label))
    return status_mark(ending)


def punctuality_mark(punctualities: Iterable[int]) -> Mark:
    """Whether data comes when these schedules say so: the worst of them counts."""
    worst = max(punctualities, default=None)
    match None if worst is None else Punctuality(worst):
        case Punctuality.ON_TIME:
            return Mark(Kind.COMPLETED, _("On time"))
        case Punctuality.LATE:
            return Mark(Kind.WARNED, _("Late"))
        case Punctuality.OVERDUE:
            return Mark(Kind.STALE, _("Overdue"))
        case None:
            return Mark(Kind.CREATED, _("No schedule"))


def account_state_mark(state: AccountState) -> Mark:
    """The mark of all accounts in this state."""
    match state:
        case AccountState.NEEDS_CREDENTIALS:
            return Mark(Kind.FAILED, _("Needs new credentials"))
        case AccountState.RUNNING:
            return status_mark(RunStatus.RUNNING)
        case AccountState.UNSCHEDULED:
            return punctuality_mark([])
        case _:
            return punctuality_mark([BY_PUNCTUALITY[state]])


def trigger_mark(trigger: CronTrigger, now: datetime) -> Mark:
    if not trigger.is_active:
        return Mark(Kind.STOPPED, _("Disarmed"))
    if is_unfired(trigger, now):
        return Mark(Kind.STALE, _("Not fired"))
    if trigger.is_refused:
        return Mark(Kind.FAILED, _("Refused"))
    return punctuality_mark([Punctuality.OVERDUE]) if is_overdue(trigger, now) else Mark(Kind.COMPLETED, _("Armed"))


def webhook_mark(webhook: Webhook) -> Mark:
    if webhook.deleted_at is not None:
        return Mark(Kind.STOPPED, _("Deleted"))
    if not webhook.is_active:
        return Mark(Kind.FAILED if webhook.disabled_reason else Kind.STOPPED, _("Switched off"))
    return Mark(Kind.WARNED, _("Failing")) if webhook.failing_since else Mark(Kind.COMPLETED, _("Active"))


def delivery_mark(delivery: Delivery) -> Mark:
    match delivery.status:
        case DeliveryStatus.DELIVERED:
            return Mark(Kind.COMPLETED, _("Delivered"))
        case DeliveryStatus.PENDING:
            return Mark(Kind.RUNNING, _("Trying again")) if delivery.attempts else Mark(Kind.CREATED, _("Waiting"))
        case DeliveryStatus.CANCELLED:
            return Mark(Kind.STOPPED, _("Cancelled"))
        case _:
            return Mark(Kind.FAILED, _("Failed"))


def error_group_mark(*, still_happens: bool) -> Mark:
    """Whether a trouble is over: every account that met it has had a run to the end without it since."""
    return Mark(Kind.FAILED, _("Still happening")) if still_happens else Mark(Kind.COMPLETED, _("Recovered"))


def alert_rule_mark(rule: AlertRule, now: datetime) -> Mark:
    if rule.deleted_at is not None:
        return Mark(Kind.STOPPED, _("Deleted"))
    if not rule.is_active:
        return Mark(Kind.STOPPED, _("Switched off"))
    if rule.is_muted_at(now):
        return Mark(Kind.STOPPED, _("Muted"))
    return Mark(Kind.FAILED, _("Not arriving")) if rule.failing_since else Mark(Kind.COMPLETED, _("Active"))


def alert_message_mark(message: AlertMessage) -> Mark:
    match message.status:
        case MessageStatus.SENT:
            return Mark(Kind.COMPLETED, _("Sent"))
        case MessageStatus.PENDING:
            return Mark(Kind.RUNNING, _("Trying again")) if message.attempts else Mark(Kind.CREATED, _("Waiting"))
        case MessageStatus.CANCELLED:
            return Mark(Kind.STOPPED, _("Muted") if message.is_muted else _("Cancelled"))
        case _:
            return Mark(Kind.FAILED, _("Failed"))


def catalog_mark(state: CatalogState) -> Mark | None:
    """How an entry of the catalogue stands in an environment; None for one that is not there."""
    match state:
        case CatalogState.ABSENT:
            return None
        case CatalogState.CURRENT:
            return Mark(Kind.COMPLETED, _("Loaded"))
        case CatalogState.OUTDATED:
            return Mark(Kind.STALE, _("Newer one here"))
        case CatalogState.CHANGED:
            return Mark(Kind.WARNED, _("Changed by hand"))


def token_mark(token: ApiToken) -> Mark:
    if token.revoked_at is not None:
        return Mark(Kind.STOPPED, _("Revoked"))
    if not token.is_usable:
        return Mark(Kind.STOPPED, _("Expired"))
    return Mark(Kind.CREATED, _("Never used")) if token.last_used_at is None else Mark(Kind.COMPLETED, _("Active"))


def person_mark(person: User) -> Mark:
    if not person.is_active:
        return Mark(Kind.STOPPED, pgettext("a state", "Shut out"))
    if not person.is_staff:
        return Mark(Kind.STOPPED, _("Not staff"))
    has_password = person.has_usable_password()
    return Mark(Kind.COMPLETED, _("Active")) if has_password else Mark(Kind.CREATED, _("No password yet"))


def bulk_mark(action: BulkAction) -> Mark:
    if action.status == BulkStatus.CREATED:
        return Mark(Kind.CREATED, _("Waiting"))
    if action.status == BulkStatus.RUNNING:
        return Mark(Kind.RUNNING, _("At work"))
    if action.cancelled_count:
        return Mark(Kind.STOPPED, _("Cancelled"))
    return Mark(Kind.WARNED, _("Done, some refused")) if action.refused_count else Mark(Kind.COMPLETED, _("Done"))


def outcome_mark(outcome: str) -> Mark:
    """What became of one run of a bulk action."""
    kinds = {
        BulkOutcome.PENDING: Kind.CREATED,
        BulkOutcome.DONE: Kind.COMPLETED,
        BulkOutcome.ALREADY: Kind.COMPLETED,
        BulkOutcome.REFUSED: Kind.FAILED,
        BulkOutcome.CANCELLED: Kind.STOPPED,
    }
    known = BulkOutcome(outcome)
    return Mark(kinds[known], str(known.label))


def record_mark(record: Record) -> Mark | None:
    """None for a record that the source still has, as far as is known."""
    return Mark(Kind.STOPPED, _("Gone at the source")) if record.deleted_at else None


def daemon_mark(daemon: Daemon) -> Mark:
    match daemon.status_now:
        case DaemonStatus.ACTIVE:
            return Mark(Kind.COMPLETED, _("Active"))
        case DaemonStatus.STARTING:
            return Mark(Kind.CREATED, _("Starting"))
        case DaemonStatus.STOPPING:
            return Mark(Kind.STOPPING, _("Stopping"))
        case _:
            said_so = daemon.status == DaemonStatus.STOPPED
            return Mark(Kind.STOPPED, _("Stopped")) if said_so else Mark(Kind.STALE, _("No sign of life"))
