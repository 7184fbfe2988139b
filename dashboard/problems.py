"""What stands in place of a page that cannot be shown: for people a page, for programs the API's error object."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.api.errors import error_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The page needs neither database nor session, which may be what has failed."""
    return _problem(request, 500)


def _problem(request: HttpRequest, status: int) -> HttpResponse:
    """A page of its own, or a fragment for the dialog that asked."""
    if _is_program(request):
        return error_response(status)
    by_htmx = "HX-Request" in request.headers  # the middleware may not have come so far
    return render(request, f"{status}.html", {"base": "fragment.html" if by_htmx else "bare.html"}, status=status)


def _is_program(request: HttpRequest) -> bool:
    """Browsers ask for text/html by name, except for parts of a page; curl and the like send `*/*` and no session."""
    headers = request.headers
    if "Authorization" in headers or not request.accepts("text/html"):
        return True
    is_person = "HX-Request" in headers or settings.SESSION_COOKIE_NAME in request.COOKIES
    return not is_person and "text/html" not in headers.get("Accept", "")
