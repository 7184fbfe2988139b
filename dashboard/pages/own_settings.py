"""One's own settings: what goes with the person, and what stays in the browser."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.look import look_of
from dashboard.pages.access import PageRequest, staff_page
from dashboard.settings_forms import LookForm, PreferencesForm
from runs.services import save_preferences

BAD_REQUEST = 400


@staff_page
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PageRequest) -> HttpResponse:
    form = PreferencesForm(request.user, request.POST or None)
    if form.is_valid():
        save_preferences(request.user, **form.cleaned_data)
        messages.success(request, f"Saved. Times are shown in {request.user.time_zone}.")
        return redirect("settings")
    look = LookForm(initial=look_of(request.COOKIES))
    environments = request.user.visible_environments()[:100]
    context = {"form": form, "look_form": look, "environments": environments}
    return render(request, "settings/own.html", context, status=BAD_REQUEST if form.errors else 200)
