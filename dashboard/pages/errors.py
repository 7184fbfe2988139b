"""The error groups: what goes wrong, how often and for whom; and what people know of the cause."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.error_lines import error_lines
from dashboard.error_page import ErrorPage
from dashboard.marks import run_mark
from dashboard.pages.access import PageRequest, operator_page, staff_page, visible, visible_run
from dashboard.pages.listing import listed
from runs.error_filters import MOST_GROUPS, SHOWN_GROUPS, WINDOWS, ErrorFilter, Window, with_outlook
from runs.errors import NotAllowed
from runs.filters import NOT_LISTED
from runs.models import ErrorGroup, IntegratedAccount, SyncJob
from runs.services import note_cause
from runs.services.error_groups import LONGEST_NOTE

MOST_CHOICES = 200
SORTS = {"last": _("Last seen first"), "count": _("Most errors first"), "runs": _("Most runs first")}
WINDOW_WORDS = {"24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days")}
WITHIN = {
    "24h": pgettext_lazy("after “in” and “within the last”", "24 hours"),
    "7d": pgettext_lazy("after “in” and “within the last”", "7 days"),
    "30d": pgettext_lazy("after “in” and “within the last”", "30 days"),
}
FILTER_NAMES = {"q": _("search"), "account": _("account"), "job": _("job"), "code": _("code")}
CONFLICT = 409
BAD_REQUEST = 400


class NoteForm(forms.Form):
    """`known_since` is when the note that the writer saw was written: another one must not be lost."""

    note = forms.CharField(required=False, max_length=LONGEST_NOTE, strip=True)
    known_since = forms.DateTimeField(required=False)


@staff_page
@require_safe
def error_list(request: PageRequest) -> HttpResponse:
    filters = ErrorFilter.from_params(request.GET, request.user.visible_environments())
    found = len(filters.tallies)
    context = {
        "filters": filters,
        "lines": error_lines(filters),
        "found": found,
        "more": found > SHOWN_GROUPS,
        "shown": min(found, SHOWN_GROUPS),
        "most": MOST_GROUPS,
        "edges": filters.window.edges(filters.now),
        "windows": _windows(filters),
        "window_words": WINDOW_WORDS[filters.window.name],
        "within": WITHIN[filters.window.name],
        "sorts": SORTS.items(),
        "in_force": [(FILTER_NAMES[name], filters.query_string(**{name: None})) for name in filters.narrows],
        **_choices(request, filters),
    }
    return render(request, "errors/list.html", context)


@staff_page
@require_safe
def error_detail(request: PageRequest, group_id: UUID) -> HttpResponse:
    return _page(request, _group(request, group_id))


@staff_page
@require_safe
def error_of_run(request: PageRequest, run_id: UUID, fingerprint: str) -> HttpResponse:
    """To the group of an error of this run. Errors from before there were groups have none."""
    run = visible_run(request, run_id)
    group = ErrorGroup.objects.filter(environment=run.environment_id, fingerprint=fingerprint).first()
    if group is None:
        messages.info(request, gettext("This error is in no group: it was noted before errors were counted in groups."))
        return redirect("error_list")
    return redirect("error_detail", group.pk)


@operator_page
@require_POST
def error_note(request: PageRequest, group_id: UUID) -> HttpResponse:
    """Keep a note. One that was written meanwhile is shown beside what the person has typed; nothing is lost."""
    group, form = _group(request, group_id), NoteForm(request.POST)
    if "note" not in request.POST or not form.is_valid():
        why = gettext("A note has at most {most} characters; nothing was saved.").format(most=LONGEST_NOTE)
        return _page(request, group, BAD_REQUEST, problem=why, typed=request.POST.get("note", ""))
    group.note_at = form.cleaned_data["known_since"]
    try:
        note_cause(group, form.cleaned_data["note"], actor=request.user.get_username())
    except NotAllowed as refused:
        why = gettext("{refusal} It stands above; save yours again to replace it.").format(refusal=refused)
        return _page(request, _group(request, group_id), CONFLICT, problem=why, typed=form.cleaned_data["note"])
    is_removed = not form.cleaned_data["note"]
    messages.success(request, gettext("The note is removed.") if is_removed else gettext("The note is saved."))
    return redirect("error_detail", group_id)


def _windows(filters: ErrorFilter) -> list[tuple[Window, str, str]]:
    """Each with its words, and the query of the list within it."""
    return [(window, str(WINDOW_WORDS[name]), filters.query_string(window=name)) for name, window in WINDOWS.items()]


def _page(request: PageRequest, group: ErrorGroup, status: int = 200, **more: Any) -> HttpResponse:
    page = ErrorPage(group, request.user, timezone.now())
    sightings = group.sightings.select_related("run__sync_job", "run__integrated_account__integration")
    context = listed(request, sightings.defer(*[f"run__{path}" for path in NOT_LISTED]))
    lines = [(sighting, run_mark(sighting.run, page.now)) for sighting in context["rows"]]
    return render(
        request, "errors/detail.html", {**context, "page": page, "group": group, "lines": lines, **more}, status=status
    )


def _group(request: PageRequest, group_id: UUID) -> ErrorGroup:
    groups = with_outlook(visible(ErrorGroup.objects.select_related("environment"), request.user))
    return get_object_or_404(groups, pk=group_id)


def _choices(request: PageRequest, filters: ErrorFilter) -> dict[str, list[tuple[str, str]]]:
    """The options of the selects: what has met errors since the window began, and what is chosen."""
    since = filters.widened().sightings()
    accounts = visible(IntegratedAccount.objects.all(), request.user).order_by("tenant_id", "id")
    jobs = visible(SyncJob.objects.all(), request.user).order_by("label", "id")
    codes = visible(ErrorGroup.objects.all(), request.user).filter(id__in=since.values("group"))
    return {
        "accounts": _options(accounts, since.values("integrated_account"), "tenant_id", filters.values.get("account")),
        "jobs": _options(jobs, since.values("sync_job"), "label", filters.values.get("job")),
        "codes": _codes(codes, filters.values.get("code")),
    }


def _codes(groups: QuerySet[ErrorGroup], chosen: str | None) -> list[tuple[str, str]]:
    codes = set(groups.order_by("code").values_list("code", flat=True).distinct()[:MOST_CHOICES])
    return [(code, code) for code in sorted(codes | ({chosen} if chosen else set()))]


def _options(rows: QuerySet[Any], met: Any, column: str, chosen: UUID | None) -> list[tuple[str, str]]:
    options = list(rows.filter(pk__in=met).values_list("pk", column)[:MOST_CHOICES])
    if chosen and chosen not in dict(options):
        options += rows.filter(pk=chosen).values_list("pk", column)
    return [(str(pk), name or str(pk)) for pk, name in options]
