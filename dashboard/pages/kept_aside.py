"""The records that were kept aside: why each could not be stored, and where it came from."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from dashboard.pages.access import PageRequest, staff_page, visible
from runs.database import ReadTimedOut
from runs.models import IntegratedAccount, SyncJob
from runs.quarantine import QuarantineFilter

LATE = 503
NAMES = {
    "run": pgettext_lazy("a run", "run"),
    "account": _("account"),
    "job": _("job"),
    "resource": _("resource"),
    "code": _("reason"),
    "record_id": _("record"),
}


@staff_page
@require_safe
def kept_aside_list(request: PageRequest) -> HttpResponse:
    filters = QuarantineFilter.from_params(request.GET, request.user.visible_environments())
    context: dict[str, Any] = {"filters": filters, "in_force": _in_force(request, filters)}
    try:
        page = filters.page(request.GET.get("cursor"))
    except ReadTimedOut:
        return render(request, "errors/kept_aside.html", {**context, "is_late": True}, status=LATE)
    context |= {
        "rows": page.rows,
        "newer": page.previous_cursor and filters.query_string(cursor=page.previous_cursor),
        "older": page.next_cursor and filters.query_string(cursor=page.next_cursor),
    }
    return render(request, "errors/kept_aside.html", context)


def _in_force(request: PageRequest, filters: QuarantineFilter) -> list[tuple[str, str, str, str]]:
    """Each filter with its name and what it is set to, as people read them, and the query without it."""
    return [
        (name, str(NAMES[name]), _words(request, name, value), filters.query_string(**{name: None}))
        for name, value in filters.values.items()
    ]


def _words(request: PageRequest, name: str, value: Any) -> str:
    """What the reader does not see is told by its id."""
    rows: dict[str, QuerySet[Any]] = {
        "account": IntegratedAccount.objects.select_related("integration"),
        "job": SyncJob.objects.all(),
    }
    found = visible(rows[name], request.user).filter(pk=value).first() if name in rows else None
    return str(found or value)
