"""One run: its page, the parts of it that change, and its resources over the last runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import live
from dashboard.matrix import matrix
from dashboard.pages.access import PageRequest, staff_page, visible_run
from dashboard.pulse import pulse
from dashboard.run_page import PARTS, RunPage
from dashboard.run_strip import Strip
from runs.lookups import parse_time
from runs.run_log import LogFilter


@staff_page
@require_safe
def run_detail(request: PageRequest, run_id: UUID) -> HttpResponse:
    page = _page(request, run_id, defined=True)
    return render(request, "runs/detail.html", _context(page, shown=len(page.log.lines)))


@staff_page
@require_safe
def run_parts(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The parts of the run's page that have changed since the browser last asked."""
    if not request.htmx:
        return redirect("run_detail", run_id)
    state = pulse(run_id, request.user)
    return live.shared(request, lambda: _parts(request, run_id), rights=lambda: request.user.can_operate, state=state)


def _parts(request: PageRequest, run_id: UUID) -> HttpResponse:
    page = _page(request, run_id)
    known = live.known_parts(request.GET, PARTS)
    changed = [name for name in PARTS if page.versions[name] != known[name]]
    context = {**_context(page), **_new_lines(page, request.GET, changed), "changed": changed, "oob": True}
    return live.answer(request, "runs/_live_parts.html", context, changed=bool(changed), final=not page.run.is_live)


@staff_page
@require_safe
def run_entries(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The table of resources alone, narrowed to those that the reader looks for."""
    if not request.htmx:
        return redirect(f"{reverse('run_detail', args=[run_id])}?{request.GET.urlencode()}#entries")
    page = _page(request, run_id)
    return render(request, "runs/_part_entries.html", _context(page))


@staff_page
@require_safe
def run_matrix(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The resources of the last runs of the same account and job."""
    run = visible_run(request, run_id)
    context = {"run": run, "matrix": matrix(Strip.around(run).runs)}
    return render(request, "runs/_matrix.html" if request.htmx else "runs/matrix.html", context)


def _page(request: PageRequest, run_id: UUID, *, defined: bool = False) -> RunPage:
    run = visible_run(request, run_id, defined=defined)
    resource = request.GET.get("resource", "").strip()
    return RunPage.of(run, request.user, resource, LogFilter.from_params(request.GET))


def _context(page: RunPage, shown: int = 0) -> dict[str, Any]:
    return {"page": page, "run": page.run, "token": live.parts_token(page.versions), "shown": shown}


def _new_lines(page: RunPage, params: QueryDict, changed: list[str]) -> dict[str, Any]:
    """The lines that a changed log is added, and how many the browser then has."""
    told = str(params.get("shown", ""))
    shown = int(told) if told.isdecimal() and len(told) < 9 else 0
    if "log" not in changed:
        return {"shown": shown}
    after = _moment(params.get("after", ""))
    lines = page.log_after(after, shown)
    if after is None or lines is None:
        return {"shown": len(page.log.lines)}
    return {"appended": lines, "shown": shown + sum(line.created_at > after for line in lines)}


def _moment(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:
        return None
