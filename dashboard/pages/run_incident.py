"""A run as one file for whoever is to find out what went wrong."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.pages.access import PageRequest, staff_page, visible_run
from runs.incident import incident
from runs.incident_text import incident_text
from runs.models import SyncJobRun
from runs.wire import wire_bytes


@staff_page
@require_safe
def run_incident_text(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    return _file(run, "md", "text/markdown; charset=utf-8", incident_text(incident(run)).encode())


@staff_page
@require_safe
def run_incident_json(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = visible_run(request, run_id)
    return _file(run, "json", "application/json", wire_bytes(incident(run).payload()))


def _file(run: SyncJobRun, ending: str, kind: str, body: bytes) -> HttpResponse:
    response = HttpResponse(body, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}.{ending}"'
    return response
