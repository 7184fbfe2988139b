"""What surrounds every page: navigation, theme and clock."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from dashboard.rail import RAIL
from runs.models import User

THEMES = {"system": "System", "light": "Light", "dark": "Dark"}
THEME_COOKIE = "theme"
_A_YEAR = 365 * 24 * 3600


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context that `base.html` needs on every page."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "rail": RAIL,
        "here": request.path.split("/")[1],
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "server_time": timezone.now(),
        "time_zone": timezone.get_current_timezone_name(),
        "sees_admin": partial(_sees_admin, request),  # asked by pages, not by every fragment
    }


def _sees_admin(request: HttpRequest) -> bool:
    """Whether the admin has anything to show to this person."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_staff:
        return False
    return user.is_superuser or any(name.split(".")[1].startswith("view_") for name in user.get_all_permissions())


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme in a cookie that the server reads, so that no page flashes in the other one first."""
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = redirect(back if safe else "/")
    chosen = request.POST.get("theme", "")
    response.set_cookie(
        THEME_COOKIE,
        chosen if chosen in THEMES else "system",
        max_age=_A_YEAR,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response
