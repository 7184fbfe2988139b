"""One's own settings: what goes with the person, and what stays in the browser."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.look import look_of
from dashboard.pages.access import PageRequest, staff_page
from dashboard.sessions import ends_at
from dashboard.settings_forms import LookForm, PreferencesForm, role_name
from runs.services import end_sessions, save_preferences

BAD_REQUEST = 400


@staff_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PageRequest) -> HttpResponse:
    form = PreferencesForm(request.user, request.POST or None)
    if form.is_valid():
        save_preferences(request.user, **form.cleaned_data)
        messages.success(request, _("Saved. Times are shown in {zone}.").format(zone=request.user.time_zone))
        return redirect("settings")
    look = LookForm(initial=look_of(request.COOKIES))
    environments = request.user.visible_environments()[:100]
    facts = {"login_ends_at": ends_at(request.session), "role": role_name(request.user)}
    context = {"form": form, "look_form": look, "environments": environments, **facts}
    return render(request, "settings/own.html", context, status=BAD_REQUEST if form.errors else 200)


@staff_page
@require_POST
def sessions_end(request: PageRequest) -> HttpResponse:
    """All but the one that asks."""
    update_session_auth_hash(request, end_sessions(request.user, request.user))
    messages.success(request, _("You are logged out in every other browser."))
    return redirect("settings")
