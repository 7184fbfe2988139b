"""The integrations, and the catalogue from which they are loaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.catalog_form import LoadForm
from dashboard.forms import only_one
from dashboard.marks import Mark, catalog_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.pages.listing import listed
from runs.catalog import CatalogEntry, catalog
from runs.errors import InvalidInput
from runs.models import Environment, Integration
from runs.services import CatalogState, LoadedPart, Outcome, load_entry, shelf

CONFLICT = 409
BAD_REQUEST = 400


@dataclass(frozen=True)
class CatalogLine:
    """An entry of the catalogue; its state where the reader has just one environment, else where it is loaded."""

    entry: CatalogEntry
    mark: Mark | None
    loads: bool
    environments: list[str]


@staff_page
@require_safe
def integration_list(request: PageRequest) -> HttpResponse:
    integrations = visible(Integration.objects.live(), request.user).select_related("environment")
    counted = integrations.annotate(
        account_count=Count("accounts", Q(accounts__deleted_at=None), distinct=True),
        mapping_count=Count("mappings", distinct=True),
    )
    only = only_one(_environments(request))
    lines = _lines_in(only) if only else _lines_anywhere(request)
    context = {**listed(request, counted), "only_environment": only, "catalog_lines": lines}
    return render(request, "integrations/list.html", context)


@staff_page
@require_http_methods(["GET", "HEAD", "POST"])
def catalog_page(request: PageRequest, name: str) -> HttpResponse:
    """What an entry brings; a POST loads it."""
    entry = catalog().get(name)
    if entry is None:
        raise Http404(_("{name} is not in the catalogue.").format(name=name))
    if request.method == "POST":
        return _load(request, entry)
    return _entry_page(request, entry, LoadForm(_environments(request)))


def _load(request: PageRequest, entry: CatalogEntry) -> HttpResponse:
    if not request.user.can_load_integrations:
        raise PermissionDenied(_("You may look at integrations, but not load them."))
    form = LoadForm(_environments(request), request.POST)
    if not form.is_valid():
        return _entry_page(request, entry, form, status=BAD_REQUEST)
    wishes = {key: form.cleaned_data[key] for key in ("force", "with_jobs")}
    try:
        parts = load_entry(form.cleaned_data["environment"], entry, **wishes)
    except InvalidInput as error:
        form.add_error(None, str(error))
        return _entry_page(request, entry, form, status=BAD_REQUEST)
    kept = [part.name for part in parts if part.outcome == Outcome.KEPT]
    if kept:
        return _entry_page(request, entry, LoadForm.asking_to_force(form), kept, CONFLICT)
    messages.success(request, _told(entry, form.cleaned_data["environment"], parts))
    return redirect("integration_list")


def _told(entry: CatalogEntry, environment: Environment, parts: list[LoadedPart]) -> str:
    counts = Counter(part.outcome for part in parts)
    done = [text for text in (_made(counts[Outcome.CREATED]), _updated(counts[Outcome.UPDATED])) if text]
    if not done:
        unchanged = _("{entry} is up to date in {environment}: nothing was changed.")
        return unchanged.format(entry=entry.label, environment=environment)
    loaded = _("{entry} is loaded into {environment}: {parts}.")
    return loaded.format(entry=entry.label, environment=environment, parts=", ".join(done))


def _made(count: int) -> str:
    """The integration, its mappings and its jobs are its parts."""
    return ngettext("{count} part created", "{count} parts created", count).format(count=count) if count else ""


def _updated(count: int) -> str:
    return ngettext("{count} part updated", "{count} parts updated", count).format(count=count) if count else ""


def _entry_page(
    request: PageRequest, entry: CatalogEntry, form: LoadForm, kept: list[str] | None = None, status: int = 200
) -> HttpResponse:
    context = {"entry": entry, "form": form, "kept": kept or []}
    return render(request, "integrations/entry.html", context, status=status)


def _environments(request: PageRequest) -> QuerySet[Environment]:
    return request.user.visible_environments()


def _lines_in(environment: Environment) -> list[CatalogLine]:
    return [CatalogLine(line.entry, catalog_mark(line.state), _loads(line.state), []) for line in shelf(environment)]


def _loads(state: CatalogState) -> bool:
    """Whether one click does something, and nothing that somebody has to be asked about."""
    return state in (CatalogState.ABSENT, CatalogState.OUTDATED)


def _lines_anywhere(request: PageRequest) -> list[CatalogLine]:
    """With the names of the environments that each entry is loaded in."""
    rows = visible(Integration.objects.live().filter(name__in=catalog()), request.user)
    names: dict[str, list[str]] = {}
    for name, environment in rows.order_by("environment__name").values_list("name", "environment__name"):
        names.setdefault(name, []).append(environment)
    return [CatalogLine(entry, None, False, names.get(name, [])) for name, entry in catalog().items()]
