"""How the installation itself is: database, broker, daemons, queue, scheduler, disk."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.health_checks import health_checks, verdict
from dashboard.pages.access import PageRequest, staff_page


@staff_page
@require_safe
def health(request: PageRequest) -> HttpResponse:
    return render(request, "health/page.html", _context())


@staff_page
@require_safe
def health_live(request: PageRequest) -> HttpResponse:
    """The lines anew: their ages change even where nothing happens."""
    if not request.htmx:
        return redirect("health")
    return render(request, "health/_live.html", {**_context(), "oob": True})


def _context() -> dict[str, Any]:
    checks = health_checks()
    return {"checks": checks, "verdict": verdict(checks), "seen_at": timezone.now()}
