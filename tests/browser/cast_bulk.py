"""Bulk actions at every stage: waiting, at work, done, and done with refusals."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from runs.models import BulkAction, BulkItem, BulkKind, BulkOutcome, BulkStatus, RunStatus, SyncJobRun
from runs.services import BulkOrder, run_set, start_bulk

QUERY = "status=completed&since=2026-01-01"
REASON = (
    "The token of the source was replaced this morning; what failed or fetched nothing since then is run again. " * 4
)


def bulk_actions() -> dict[str, BulkAction]:
    """The one of each stage by its name."""
    made = {
        "waiting": _ordered(BulkKind.STOP, "status=running", RunStatus.RUNNING),
        "running": _ordered(BulkKind.RERUN_IGNORING, QUERY, RunStatus.COMPLETED, reason="New mapping"),
        "done": _ordered(BulkKind.RERUN, "status=failed", RunStatus.FAILED, reason=REASON[:480]),
    }
    _decide(made["running"], 23)
    _decide(made["done"], 99)
    now = timezone.now()
    BulkAction.objects.filter(pk=made["running"].pk).update(status=BulkStatus.RUNNING, started_at=now)
    ended = {"started_at": now - timedelta(minutes=4), "finished_at": now - timedelta(minutes=1)}
    ordered = now - timedelta(minutes=5)
    BulkAction.objects.filter(pk=made["done"].pk).update(status=BulkStatus.COMPLETED, created_at=ordered, **ended)
    return made


def _ordered(kind: BulkKind, query: str, status: RunStatus, reason: str = "") -> BulkAction:
    runs = SyncJobRun.objects.filter(status=status)
    found = run_set(runs)
    order = BulkOrder(uuid4(), kind, len(found.rows), found.hash, "operator", reason, query=query)
    return start_bulk(order, runs)


def _decide(action: BulkAction, most: int) -> None:
    """The first pending items, every third of them refused."""
    counts = {BulkOutcome.DONE: 0, BulkOutcome.REFUSED: 0}
    for number, item in enumerate(action.items.filter(outcome=BulkOutcome.PENDING)[:most]):
        outcome = BulkOutcome.REFUSED if number % 3 == 1 else BulkOutcome.DONE
        counts[outcome] += 1
        words = "args.project_slug: is required." if outcome == BulkOutcome.REFUSED else ""
        other = item.run if outcome == BulkOutcome.DONE else None
        told = {"outcome": outcome, "words": words, "other_run": other, "decided_at": timezone.now()}
        BulkItem.objects.filter(pk=item.pk).update(**told)
    totals = {"done_count": counts[BulkOutcome.DONE], "refused_count": counts[BulkOutcome.REFUSED]}
    BulkAction.objects.filter(pk=action.pk).update(**totals)
