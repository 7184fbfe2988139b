"""What happened to one account, as one stream: its runs, and what people and programs have done to it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from runs.filters import NOT_LISTED
from runs.keyset import BadCursor, Page, merged_page
from runs.models import AuditEntry, IntegratedAccount, SyncJobRun

# A run tells by itself that it was started, or run again, and by whom: the audit lines of that would say it twice.
TOLD_BY_RUNS = ("run.create", "run.rerun")
CONNECTION = ("account.test", "account.credentials", "account.connect", "account.connect_refused")
KINDS = ("runs", "reruns", "stops", "connection", "settings", "schedules")


def timeline_page(account: IntegratedAccount, kind: str, cursor: str | None, limit: int) -> Page[Any]:
    """The page at `cursor` of the account's runs and audit lines, the newest first; of one kind, or (empty) of all.

    A cursor that is not one gives the first page.
    """
    streams = _streams(account, kind)
    try:
        return merged_page(streams, cursor, limit)
    except BadCursor:
        return merged_page(streams, None, limit)


def _streams(account: IntegratedAccount, kind: str) -> list[QuerySet[Any]]:
    runs = SyncJobRun.objects.filter(integrated_account=account).select_related("sync_job").defer(*_unlisted())
    lines = AuditEntry.objects.filter(integrated_account_id=account.pk).exclude(action__in=TOLD_BY_RUNS)
    match kind:
        case "runs":
            return [runs]
        case "reruns":
            return [runs.filter(rerun_of__isnull=False)]
        case "stops":
            return [lines.filter(action__in=("run.stop", "run.force_stop"))]
        case "connection":
            return [lines.filter(action__in=CONNECTION)]
        case "settings":
            return [lines.filter(action__startswith="account.").exclude(action__in=CONNECTION)]
        case "schedules":
            return [lines.filter(action__startswith="schedule.")]
    return [runs, lines]


def _unlisted() -> tuple[str, ...]:
    return (*(path for path in NOT_LISTED if path.startswith("sync_job__")), "args", "resources")
