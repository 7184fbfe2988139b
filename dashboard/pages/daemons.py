"""The worker processes, and what each is at."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dashboard import live
from dashboard.daemon_lines import daemon_lines, lacking_groups
from dashboard.pages.access import PageRequest, staff_page
from dashboard.pages.listing import listed
from runs.models import Daemon


@staff_page
@require_safe
def daemon_list(request: PageRequest) -> HttpResponse:
    """Daemons serve all environments; of their runs, the reader sees those of their own, and the others as a number."""
    return render(request, "daemons/list.html", _context(request))


@staff_page
@require_safe
def daemon_live(request: PageRequest) -> HttpResponse:
    """The page's list, if it reads otherwise than what the browser has."""
    if not request.htmx:
        return redirect("daemon_list")
    context = {**_context(request), "oob": True}
    changed = context["version"] != request.GET.get("v", "")
    return live.answer(request, "daemons/_live.html", context, changed=changed, final=False)


def _context(request: PageRequest) -> dict[str, Any]:
    context = listed(request, Daemon.objects.all())
    lines = daemon_lines(context["rows"], request.user.visible_environments())
    lacking = lacking_groups()
    version = live.version_of(*(line.version for line in lines), *((group.key, group.count) for group in lacking))
    cursor = request.GET.get("cursor", "")
    return {**context, "lines": lines, "lacking": lacking, "version": version, "cursor": cursor}
