"""The log of one run: page by page, line by line, and as a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.pages.access import PageRequest, staff_page, visible_run
from runs import log_export
from runs.models import SyncJobRun
from runs.quarantine import has_kept_aside
from runs.run_log import LogFilter, RunLog
from runs.wire import wire_bytes

FIRST_ERROR = "first-error"


@staff_page
@require_safe
def run_log(request: PageRequest, run_id: UUID) -> HttpResponse:
    """A page of the log: its end, one before it, or the one around the line that `at` names.

    HTMX gets the lines alone: those of an earlier page to put in front, else the whole of the list.
    """
    run = visible_run(request, run_id)
    log = RunLog(run, LogFilter.from_params(request.GET))
    context = {"run": run, "wanted": log.wanted, **_page_of(log, request)}
    if not request.htmx:
        return render(request, "runs/log.html", {**context, "kept_aside": has_kept_aside(run.pk)})
    return render(request, "runs/_log_earlier.html" if "cursor" in request.GET else "runs/_log.html", context)


@staff_page
@require_safe
def run_log_line(request: PageRequest, run_id: UUID, line_id: UUID) -> HttpResponse:
    """Everything that one line says."""
    run = visible_run(request, run_id)
    error = run.record_errors.filter(pk=line_id).first()
    event = None if error else run.events.filter(pk=line_id).first()
    if error is None and event is None:
        raise Http404("This run has no such line.")
    context = {"run": run, "error": error, "event": event}
    return render(request, "runs/_log_line.html" if request.htmx else "runs/log_line.html", context)


@staff_page
@require_safe
def run_log_text(request: PageRequest, run_id: UUID) -> StreamingHttpResponse:
    """The whole log as text, in the reader's time zone."""
    run, zone = visible_run(request, run_id), timezone.get_current_timezone()
    parts = log_export.as_text(RunLog(run).whole(), log_export.heading(run, zone), zone)
    return _file(request, run, "txt", "text/plain; charset=utf-8", parts, f"# {log_export.CUT}".encode())


@staff_page
@require_safe
def run_log_json(request: PageRequest, run_id: UUID) -> StreamingHttpResponse:
    """The whole log as JSON, an object a line, with times in UTC."""
    run = visible_run(request, run_id)
    cut = wire_bytes({"kind": "cut", "message": log_export.CUT})
    return _file(request, run, "jsonl", "application/jsonl", log_export.as_json(RunLog(run).whole()), cut)


def _page_of(log: RunLog, request: PageRequest) -> dict[str, Any]:
    """The page that the address asks for, and the line that it is about, if it is about one."""
    at = request.GET.get("at", "")
    line_id = log.first_error() if at == FIRST_ERROR else _uuid(at)
    found = log.around(line_id) if line_id else None
    return {"log": found or log.page(request.GET.get("cursor")), "at": line_id if found else None}


def _file(
    request: PageRequest, run: SyncJobRun, ending: str, kind: str, parts: Iterable[bytes], cut: bytes
) -> StreamingHttpResponse:
    """Written while it is read. The answer to HEAD has no body, so nothing is read for it."""
    body = () if request.method == "HEAD" else log_export.capped(parts, cut)
    response = StreamingHttpResponse(body, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}.log.{ending}"'
    return response


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
