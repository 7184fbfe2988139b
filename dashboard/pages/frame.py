"""What surrounds every page: navigation, look and clock."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import JavaScriptCatalog

from dashboard.look import CHOICES, chosen, look_of
from dashboard.pages.access import PageRequest, next_of, staff_page
from dashboard.pages.questions import ask
from dashboard.rail import RAIL, dock
from dashboard.shortcuts import shortcut_groups
from runs.version import VERSION

_A_YEAR = 365 * 24 * 3600
_A_DAY = 24 * 3600


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context that `base.html` needs on every page."""
    return {
        "rail": RAIL,
        "dock": dock(),
        "here": request.path.split("/")[1],
        "look": look_of(request.COOKIES),
        "themes": CHOICES["theme"],
        "server_time": timezone.now(),
        "version": VERSION,
        "time_zone": timezone.get_current_timezone_name(),
    }


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Remember what was chosen of theme, density and navigation, and go back to where it was chosen."""
    response = redirect(next_of(request, "/"))
    for name, value in chosen(request.POST.dict()).items():
        response.set_cookie(name, value, max_age=_A_YEAR, secure=request.is_secure(), httponly=True, samesite="Lax")
    return response


@require_safe
@gzip_page
@cache_control(max_age=_A_DAY, public=True)
def words(request: HttpRequest, language: str) -> HttpResponseBase:
    """The words of the scripts in this language, and `gettext`, `ngettext` and `interpolate` for them."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        return JavaScriptCatalog.as_view(packages=["dashboard"])(request)


@staff_page
@require_safe
def shortcuts(request: PageRequest) -> HttpResponse:
    """The single keys: in the dialog that `?` opens, or as a page of its own."""
    return ask(request, "frame/_shortcuts.html", [(reverse("settings"), _("Settings"))], groups=shortcut_groups())
