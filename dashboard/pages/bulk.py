"""Bulk actions: asked and confirmed as a set of runs, listed, and watched run by run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from uuid_utils.compat import uuid7

from dashboard import live
from dashboard.bulk_order import BulkWish, Consequences, Unreadable, filter_words
from dashboard.bulk_page import PARTS, BulkPage, action_lines
from dashboard.marks import bulk_mark
from dashboard.pages.access import PageRequest, go_to, operator_page, staff_page
from dashboard.pages.listing import listed
from dashboard.pages.questions import ask
from dashboard.run_lines import named, run_lines
from dashboard.templatetags.syncdeck import number, short_id
from runs.errors import InvalidInput
from runs.models import BulkAction, SyncJobRun
from runs.models.run_state import LONGEST_REASON
from runs.services import MOST_RUNS, RunSet, SetChanged, TooManyRuns, cancel_bulk, run_set, start_bulk

CONFLICT = 409
BAD_REQUEST = 400
SHOWN_RUNS = 5


@staff_page
@require_safe
def bulk_list(request: PageRequest) -> HttpResponse:
    context = listed(request, BulkAction.objects.seen_by(request.user))
    return render(request, "bulk/list.html", {**context, "lines": action_lines(context["rows"], request.user)})


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_new(request: PageRequest) -> HttpResponse:
    """The question, and its answer. What is confirmed is the set that the question counted, or nothing."""
    params = request.POST if request.method == "POST" else request.GET
    try:
        wish = BulkWish.from_params(params, request.user.visible_environments())
        if request.method != "POST":
            return _ask(request, wish, run_set(wish.runs()))
        action = start_bulk(wish.order(params, request.user.get_username()), wish.runs())
    except SetChanged as changed:
        return _ask(request, wish, changed.now, CONFLICT, changed=changed)
    except TooManyRuns as error:
        return _refuse(request, _("{why} Narrow the filter, for instance by a time window.").format(why=error))
    except (Unreadable, InvalidInput) as error:
        return _refuse(request, str(error))
    return go_to(request, reverse("bulk_detail", args=[action.pk]))


@staff_page
@require_safe
def bulk_count(request: PageRequest) -> HttpResponse:
    """How many runs the list's filter matches, apart from the list, which no count may hold up."""
    if not request.htmx:
        return redirect("run_list")
    try:
        wish = BulkWish.from_params(request.GET, request.user.visible_environments())
    except Unreadable:
        return render(request, "bulk/_count.html", {"count": None})
    count = wish.runs().order_by()[: MOST_RUNS + 1].count()
    return render(request, "bulk/_count.html", {"count": count, "most": MOST_RUNS})


@staff_page
@require_safe
def bulk_detail(request: PageRequest, action_id: UUID) -> HttpResponse:
    page = BulkPage(_visible_action(request, action_id), request.user, request.GET)
    return render(request, "bulk/detail.html", _context(page))


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_cancel(request: PageRequest, action_id: UUID) -> HttpResponse:
    action = _visible_action(request, action_id)
    address = reverse("bulk_detail", args=[action.pk])
    if request.method != "POST":
        crumbs = [*_crumbs()[1:], (address, short_id(action.pk))]
        return ask(request, "bulk/_cancel.html", crumbs, action=action, mark=bulk_mark(action))
    left = cancel_bulk(action, actor=request.user.get_username())
    said = _("Cancelled: {count} left alone.").format(count=number(left)) if left else _("Nothing was left to cancel.")
    messages.success(request, said)
    return go_to(request, address)


@staff_page
@require_safe
def bulk_parts(request: PageRequest, action_id: UUID) -> HttpResponse:
    """The parts of the action's page that have changed since the browser last asked."""
    if not request.htmx:
        return redirect("bulk_detail", action_id)
    page = BulkPage(_visible_action(request, action_id), request.user, request.GET)
    known = live.known_parts(request.GET, PARTS)
    changed = [name for name in PARTS if page.versions[name] != known[name]]
    context = {**_context(page), "changed": changed, "oob": True}
    return live.answer(request, "bulk/_live_parts.html", context, changed=bool(changed), final=not page.action.is_live)


def _visible_action(request: PageRequest, action_id: UUID) -> BulkAction:
    return get_object_or_404(BulkAction.objects.seen_by(request.user), pk=action_id)


def _context(page: BulkPage) -> dict[str, Any]:
    return {"page": page, "action": page.action, "token": live.parts_token(page.versions)}


def _ask(
    request: PageRequest, wish: BulkWish, found: RunSet, status: int = 200, changed: SetChanged | None = None
) -> HttpResponse:
    sample = named(SyncJobRun.objects.filter(id__in=found.ids[:SHOWN_RUNS])).order_by("-created_at", "-id")
    context = {
        "wish": wish,
        "found": found,
        "what": Consequences.of(wish.kind, found),
        "filters": [] if wish.picked else filter_words([wish.filters])[0],
        "sample": run_lines(sample, timezone.now()),
        "more": max(0, len(found.rows) - SHOWN_RUNS),
        "order_id": uuid7(),
        "changed": changed,
        "longest_reason": LONGEST_REASON,
    }
    return ask(request, "bulk/_order.html", _crumbs(), status, **context)


def _refuse(request: PageRequest, why: str) -> HttpResponse:
    return ask(request, "bulk/_refused.html", _crumbs(), BAD_REQUEST, why=why)


def _crumbs() -> list[tuple[str, str]]:
    return [(reverse("run_list"), _("Runs")), (reverse("bulk_list"), _("Bulk actions"))]
