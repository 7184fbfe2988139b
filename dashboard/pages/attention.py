"""The start page: what needs a person, or that nothing does."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dashboard.attention import (
    Concern,
    Reason,
    account_concerns,
    concern_count,
    concerns,
    schedule_concerns,
    webhook_concerns,
)
from dashboard.marks import account_mark, webhook_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from runs.models import SyncJobRun

HEADINGS = {
    Reason.SILENT: "No sign of life",
    Reason.STOPPING: "Stopping for long",
    Reason.WAITING: "Waiting for a daemon",
    Reason.FAILED: "Failed, and not followed by a completed run",
}


@staff_page
@require_safe
def attention(request: PageRequest) -> HttpResponse:
    environments = request.user.visible_environments()
    found = concerns(environments)
    others = {
        "schedules": schedule_concerns(environments),
        "webhooks": [(webhook, webhook_mark(webhook)) for webhook in webhook_concerns(environments)],
        "accounts": [(account, account_mark(account)) for account in account_concerns(environments)],
    }
    all_good = not found and not any(others.values())
    latest = _latest_run(request) if all_good else None
    context = {"groups": _by_reason(found), **others, "all_good": all_good, "latest": latest}
    return render(request, "attention/page.html", context)


@staff_page
@require_safe
def attention_count(request: PageRequest) -> HttpResponse:
    """The number in the navigation, asked for by each page after it has been shown, so that it holds none up."""
    if not request.htmx:
        return redirect("attention")
    count = concern_count(request.user.visible_environments())
    return render(request, "attention/_count.html", {"count": count})


def _by_reason(found: list[Concern]) -> list[tuple[str, list[Concern]]]:
    groups = [(words, [concern for concern in found if concern.reason == reason]) for reason, words in HEADINGS.items()]
    return [(words, group) for words, group in groups if group]


def _latest_run(request: PageRequest) -> SyncJobRun | None:
    return visible(SyncJobRun.objects.all(), request.user).order_by("-created_at", "-id").first()
