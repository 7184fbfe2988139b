"""What surrounds every page: navigation, look and clock."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.look import CHOICES, chosen, look_of
from dashboard.pages.access import PageRequest, next_of, staff_page
from dashboard.pages.questions import ask
from dashboard.rail import RAIL, dock
from dashboard.shortcuts import shortcut_groups

_A_YEAR = 365 * 24 * 3600


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context that `base.html` needs on every page."""
    return {
        "rail": RAIL,
        "dock": dock(),
        "here": request.path.split("/")[1],
        "look": look_of(request.COOKIES),
        "themes": CHOICES["theme"],
        "server_time": timezone.now(),
        "time_zone": timezone.get_current_timezone_name(),
    }


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Remember what was chosen of theme, density and navigation, and go back to where it was chosen."""
    response = redirect(next_of(request, "/"))
    for name, value in chosen(request.POST.dict()).items():
        response.set_cookie(name, value, max_age=_A_YEAR, secure=request.is_secure(), httponly=True, samesite="Lax")
    return response


@staff_page
@require_safe
def shortcuts(request: PageRequest) -> HttpResponse:
    """The single keys: in the dialog that `?` opens, or as a page of its own."""
    return ask(request, "frame/_shortcuts.html", [(reverse("settings"), _("Settings"))], groups=shortcut_groups())
