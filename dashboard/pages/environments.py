"""The environments that a person sees: made, and renamed."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.pages.access import PageRequest, page_with, staff_page
from dashboard.pages.listing import listed_by_name
from dashboard.settings_forms import EnvironmentForm
from runs.errors import InvalidInput
from runs.models import Environment
from runs.services import create_environment, rename_environment

BAD_REQUEST = 400

environments_page = page_with("runs.change_environment", _("You may look at environments, but not change them."))


@staff_page
@require_safe
def environment_list(request: PageRequest) -> HttpResponse:
    counted = request.user.visible_environments().annotate(
        member_count=Count("members", Q(members__is_active=True), distinct=True),
        token_count=Count("tokens", Q(tokens__revoked_at=None), distinct=True),
    )
    return render(request, "settings/environments.html", listed_by_name(request, counted, "name"))


@environments_page
@require_http_methods(["GET", "HEAD", "POST"])
def environment_new(request: PageRequest) -> HttpResponse:
    form = EnvironmentForm(request.POST or None)
    if form.is_valid():
        try:
            made = create_environment(form.cleaned_data["name"], member=request.user)
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            words = gettext("{environment} is there. Open it to programs with a token, and to people.")
            messages.success(request, words.format(environment=made))
            return redirect("environment_list")
    return _form_page(request, form)


@environments_page
@require_http_methods(["GET", "HEAD", "POST"])
def environment_rename(request: PageRequest, environment_id: UUID) -> HttpResponse:
    environment = get_object_or_404(request.user.visible_environments(), pk=environment_id)
    form = EnvironmentForm(request.POST or None, initial={"name": environment.name})
    if form.is_valid():
        try:
            renamed = rename_environment(environment, form.cleaned_data["name"])
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            words = gettext("{environment} is called {name} now.")
            messages.success(request, words.format(environment=environment, name=renamed))
            return redirect("environment_list")
    return _form_page(request, form, environment)


def _form_page(request: PageRequest, form: EnvironmentForm, environment: Environment | None = None) -> HttpResponse:
    context = {"form": form, "environment": environment}
    return render(request, "settings/environment_form.html", context, status=BAD_REQUEST if form.errors else 200)
