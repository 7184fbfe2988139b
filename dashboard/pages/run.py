"""One run: its page, the parts of it that change, its events and errors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dashboard import live
from dashboard.pages.access import PageRequest, staff_page, visible_run
from dashboard.pages.listing import listed
from dashboard.run_page import PARTS, RunPage


@staff_page
@require_safe
def run_detail(request: PageRequest, run_id: UUID) -> HttpResponse:
    page = RunPage.of(visible_run(request, run_id), request.user)
    return render(request, "runs/detail.html", _context(page))


@staff_page
@require_safe
def run_parts(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The parts of the run's page that have changed since the browser last asked."""
    if not request.htmx:
        return redirect("run_detail", run_id)
    page = RunPage.of(visible_run(request, run_id), request.user)
    known = live.known_parts(request.GET, PARTS)
    changed = [name for name in PARTS if page.versions[name] != known[name]]
    context = {**_context(page), "changed": changed, "oob": True}
    return live.answer(request, "runs/_live_parts.html", context, changed=bool(changed), final=not page.run.is_live)


@staff_page
@require_safe
def run_events(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The whole timeline, page by page."""
    run = visible_run(request, run_id)
    context = {"run": run, "heading": "Timeline", "lines": "runs/_events.html"}
    return render(request, "runs/history.html", {**context, **listed(request, run.events.all())})


@staff_page
@require_safe
def run_errors(request: PageRequest, run_id: UUID) -> HttpResponse:
    """All record errors of the run, page by page."""
    run = visible_run(request, run_id)
    context = {"run": run, "heading": "Errors", "lines": "runs/_errors.html"}
    return render(request, "runs/history.html", {**context, **listed(request, run.record_errors.all())})


def _context(page: RunPage) -> dict[str, Any]:
    return {"page": page, "run": page.run, "token": live.parts_token(page.versions)}
