"""Saving, changing and deleting one's own views of the run list. Each answers with the list again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.pages.access import PageRequest, staff_page
from dashboard.run_views import ALL_RUNS
from runs.errors import InvalidInput
from runs.models import SavedView
from runs.services import change_view, delete_view, move_view_left, open_with, rename_view, save_view


@staff_page
@require_POST
def view_new(request: PageRequest) -> HttpResponse:
    query = request.POST.get("query", "")
    try:
        view = save_view(request.user, request.POST.get("name", ""), query)
        if request.POST.get("default"):
            open_with(view, default=True)
    except InvalidInput as error:
        return _refused(request, error, query)
    messages.success(request, _("“{name}” is saved.").format(name=view.name))
    return _to_list(view.query)


@staff_page
@require_POST
def view_change(request: PageRequest, view_id: UUID) -> HttpResponse:
    """One thing at a time, by the button's name: rename, query, default, left."""
    view = _own(request, view_id)
    wish = request.POST
    try:
        if "rename" in wish:
            rename_view(view, wish.get("name", ""))
        elif "query" in wish:
            change_view(view, wish["query"])
            messages.success(request, _("“{name}” has these filters now.").format(name=view.name))
        elif "default" in wish:
            open_with(view, default=wish["default"] == "yes")
        elif "left" in wish:
            move_view_left(view)
    except InvalidInput as error:
        return _refused(request, error, view.query)
    return _to_list(view.query)


@staff_page
@require_POST
def view_delete(request: PageRequest, view_id: UUID) -> HttpResponse:
    view = _own(request, view_id)
    delete_view(view)
    messages.success(request, _("The view “{name}” is deleted. No run is.").format(name=view.name))
    return _to_list(view.query)


def _own(request: PageRequest, view_id: UUID) -> SavedView:
    return get_object_or_404(SavedView, pk=view_id, user=request.user)


def _refused(request: PageRequest, error: InvalidInput, query: str) -> HttpResponse:
    messages.error(request, " ".join(failure.message for failure in error.failures))
    return _to_list(query)


def _to_list(query: str) -> HttpResponse:
    """Only the query comes from outside; where it leads is ours."""
    return redirect(f"{reverse('run_list')}?{query[:4_000] or ALL_RUNS}")
