"""What an alert says: one sentence and where to look, the same by mail, in a channel and to a program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from runs.models import AlertKind, AlertRule, AlertState, IntegratedAccount, SyncJob, SyncJobRun
from runs.wire import wire_time

MOST_OF_AN_ERROR = 300
MOST_OF_A_SUBJECT = 200


@dataclass(frozen=True)
class Streak:
    """Failures in a row, and when the first of them ended."""

    failures: int
    since: datetime | None

    @classmethod
    def of(cls, state: AlertState) -> Streak:
        return cls(state.failures, state.failing_since)


def content_of(rule: AlertRule, run: SyncJobRun, kind: AlertKind, streak: Streak) -> dict[str, Any]:
    """The content of a message about the run's end. `streak` goes on, or is what the run has ended."""
    job = SyncJob.objects.only("label").get(id=run.sync_job_id)
    account = IntegratedAccount.objects.only("tenant_id").get(id=run.integrated_account_id)
    told = _failed(job, account, run, streak) if tells_of_failure(kind) else _recovered(job, account, run, streak)
    return {
        **_of(rule, kind),
        **told,
        "url": f"{settings.PUBLIC_URL}/runs/{run.id}/",
        "failures": streak.failures,
        "failing_since": wire_time(streak.since),
        "sync_job_run_id": str(run.id),
        "status": run.status,
        "error": run.error,
        "error_count": run.error_count,
        "sync_job": {"id": str(job.id), "label": job.label},
        "integrated_account": {"id": str(account.id), "tenant_id": account.tenant_id},
    }


def trial_content(rule: AlertRule) -> dict[str, Any]:
    """The content of a message that somebody sends to see whether it arrives."""
    text = f"This is a test of the alert rule {one_line(rule.name)}. Nothing has happened."
    return {**_of(rule, AlertKind.TEST), "subject": "Test of an alert", "text": text, "url": f"{settings.PUBLIC_URL}/"}


def tells_of_failure(kind: AlertKind) -> bool:
    return kind in (AlertKind.FIRST_FAILURE, AlertKind.NTH_FAILURE)


def one_line(text: str, most: int = MOST_OF_AN_ERROR) -> str:
    """The beginning of a text without its line ends, which would break out of a mail's subject."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def _of(rule: AlertRule, kind: AlertKind) -> dict[str, Any]:
    return {"kind": kind.value, "alert_rule": {"id": str(rule.id), "name": rule.name}}


def _failed(job: SyncJob, account: IntegratedAccount, run: SyncJobRun, streak: Streak) -> dict[str, str]:
    often = f" {streak.failures} times in a row" if streak.failures > 1 else ""
    why = one_line(run.error_text()) or "its run does not say why."
    return {
        "subject": _subject(f"Failed{often}", job, account),
        "text": f"{one_line(job.label)} has failed{often} for {one_line(str(account))}: {why}",
    }


def _recovered(job: SyncJob, account: IntegratedAccount, run: SyncJobRun, streak: Streak) -> dict[str, str]:
    """A run that noted errors and went on has completed; the sentence does not hide them."""
    after = "" if not streak.failures else " after a failure"
    after = f" after {streak.failures} failures in a row" if streak.failures > 1 else after
    errors = f", with {run.error_count} errors on the way" if run.error_count > 1 else ""
    errors = ", with an error on the way" if run.error_count == 1 else errors
    return {
        "subject": _subject("Recovered", job, account),
        "text": f"{one_line(job.label)} has completed for {one_line(str(account))}{after}{errors}.",
    }


def _subject(what: str, job: SyncJob, account: IntegratedAccount) -> str:
    return one_line(f"{what}: {job.label} for {account}", MOST_OF_A_SUBJECT)
