"""What stands in place of a page that cannot be shown: for people a page, for programs the API's error object."""

from __future__ import annotations

import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from runs.api.errors import BUSY_MESSAGE, error_response
from runs.database import RETRY_AFTER, is_busy, is_outage
from runs.errors import MissingKey

IN_FRAME = (403, 404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """With the refusal's own words, where it has any."""
    return _problem(request, 403, why=str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The page needs neither database nor session, which may be what has failed: then it says so."""
    error = sys.exception()
    if isinstance(error, MissingKey):
        return _problem(request, 503, why=str(error), title=_("A key is missing"))
    if not is_outage(error):
        return _problem(request, 500)
    told = {"why": BUSY_MESSAGE, "title": _("The database is busy")} if is_busy(error) else {}
    response = _problem(request, 503, **told)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def _problem(request: HttpRequest, status: int, why: str = "", title: str = "") -> HttpResponse:
    if _is_program(request):
        return error_response(status, why if status == 503 else "")
    told = {"base": _base(request, status), "why": why, "title": title}
    return render(request, f"{status}.html", told, status=status)


def _base(request: HttpRequest, status: int) -> str:
    """A fragment for the dialog that asked; else a page, and for staff one from which the others can be reached."""
    if "HX-Request" in request.headers:  # the middleware may not have come so far
        return "fragment.html"
    person = getattr(request, "user", None)
    return "base.html" if status in IN_FRAME and person is not None and person.is_staff else "bare.html"


def _is_program(request: HttpRequest) -> bool:
    """Browsers ask for text/html by name, except for parts of a page; curl and the like send `*/*` and no session."""
    headers = request.headers
    if "Authorization" in headers or not request.accepts("text/html"):
        return True
    is_person = "HX-Request" in headers or settings.SESSION_COOKIE_NAME in request.COOKIES
    return not is_person and "text/html" not in headers.get("Accept", "")
