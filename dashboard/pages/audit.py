"""The audit list, and its export."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET, require_safe

from dashboard.audit_export import csv_lines, json_lines
from dashboard.audit_lines import audit_lines, kinds
from dashboard.pages.access import PageRequest, staff_page
from runs.audit_filters import AuditFilter
from runs.services import note

FILTER_WORDS = {
    "q": _("search"),
    "since": pgettext_lazy("start of a time range", "from"),
    "until": pgettext_lazy("end of a time range", "to"),
    "kind": _("about"),
    "action": _("action"),
    "actor": _("actor"),
    "target": _("target"),
}


@staff_page
@require_safe
def audit_list(request: PageRequest) -> HttpResponse:
    filters = AuditFilter.from_params(request.GET, request.user)
    page = filters.page(request.GET.get("cursor"))
    context = {
        "filters": filters,
        "lines": audit_lines(page.rows, request.user),
        "kinds": kinds(),
        "newer": page.previous_cursor and filters.query_string(cursor=page.previous_cursor),
        "older": page.next_cursor and filters.query_string(cursor=page.next_cursor),
        "in_force": [
            (FILTER_WORDS.get(name, name), value, filters.query_string(**{name: None}))
            for name, value in filters.values.items()
        ],
        "export": filters.query_string(),
    }
    return render(request, "audit/list.html", context)


@staff_page
@require_GET
def audit_csv(request: PageRequest) -> StreamingHttpResponse:
    return _export(request, "csv", "text/csv; charset=utf-8")


@staff_page
@require_GET
def audit_jsonl(request: PageRequest) -> StreamingHttpResponse:
    return _export(request, "jsonl", "application/x-ndjson")


def _export(request: PageRequest, form: str, content_type: str) -> StreamingHttpResponse:
    """All lines that match, written while they are read. Who takes the list away stands in it."""
    filters = AuditFilter.from_params(request.GET, request.user)
    note("audit.export", format=form, filter=filters.query_string())
    lines = {"csv": csv_lines, "jsonl": json_lines}[form](filters.lines())
    name = f"audit-{timezone.now():%Y-%m-%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type=content_type, headers=headers)
