"""The list of runs: filters, views, pages by key, and what is live on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import live
from dashboard.histogram import Histogram, first_half_hour, histogram
from dashboard.marks import Mark, status_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.pulse import pulse_of_all
from dashboard.run_filters import FilterForm, FilterWords
from dashboard.run_lines import RunLine, named, run_lines
from dashboard.run_views import ALL_RUNS, tabs
from dashboard.templatetags.syncdeck import number
from runs.database import ReadTimedOut
from runs.filters import RunFilter
from runs.habits import usual_of
from runs.keyset import BadCursor, Page
from runs.models import RunStatus, SavedView, SyncJobRun

COUNT_CAP = 1000
MOST_NEWER = 100
COUNTED_FOR = 30  # seconds: who looks meanwhile is told the same counts
CHIP_ORDER = (RunStatus.RUNNING, RunStatus.CREATED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.COMPLETED)


@dataclass(frozen=True)
class Chip:
    """A status that a click adds to the filter, or takes out of it. `count` None: not counted, or not soon enough."""

    mark: Mark
    chosen: bool
    address: str
    count: int | None = None

    @property
    def shown_count(self) -> str:
        exceeds = self.count is not None and self.count > COUNT_CAP
        return f"{number(COUNT_CAP)}+" if exceeds else number(self.count)


@staff_page
@require_safe
def run_list(request: PageRequest) -> HttpResponse:
    saved = list(request.user.saved_views.all())
    filters = _filters(request, request.GET)
    elsewhere = _better_address(request, filters, saved)
    if elsewhere:
        return redirect(f"{request.path}?{elsewhere}")
    page, is_late = _page(request, filters)
    words = FilterWords(filters, page.rows)
    view_tabs = tabs(request.user, saved, filters)
    context = {
        **_live_context(request, _lines(page.rows), filters, _first(page)),
        "words": words,
        "form": FilterForm(filters),
        "tabs": view_tabs,
        "view": next((tab for tab in view_tabs if tab.current), None),
        "share_url": request.build_absolute_uri(f"{request.path}?{filters.query_string(cursor=None)}"),
        "all_runs": ALL_RUNS,
        **_counted_already(filters),
        "newer": page.previous_cursor and filters.query_string(cursor=page.previous_cursor),
        "older": page.next_cursor and filters.query_string(cursor=page.next_cursor),
    }
    if not page.rows:
        context |= _why_none(filters, words, is_late)
    return render(request, "runs/list.html", context, status=503 if is_late else 200)


@staff_page
@require_safe
def run_counts(request: PageRequest) -> HttpResponse:
    """The status chips with their counts: apart from the list, so that a slow count never holds it up."""
    if not request.htmx:
        return _whole_page(request.GET.urlencode())
    filters = _filters(request, request.GET)
    return render(request, "runs/_chips.html", {"chips": _chips(filters, _counts(filters))})


@staff_page
@require_safe
def run_histogram(request: PageRequest) -> HttpResponse:
    """The last day as bars."""
    if not request.htmx:
        return _whole_page(request.GET.urlencode())
    filters = _filters(request, request.GET)
    return render(request, "runs/_histogram.html", {"histogram": _histogram(filters), "filters": filters})


@staff_page
@require_safe
def run_live(request: PageRequest) -> HttpResponse:
    """All that has changed on the list since the browser was told: one answer for everything that it shows.

    Its lines, of those that were not final; how many runs are newer than its first; counts and bars.
    """
    if not request.htmx:
        return _whole_page(request.GET.get("f", ""))
    known = live.known_lines(request.GET)
    filters = _filters(request, QueryDict(request.GET.get("f", "")))
    around = _around(request, filters)
    versions = [around[name] for name in ("newer_count", "counts_version", "bars_version")]
    return live.shared(
        request,
        lambda: _changed_lines(request, known, filters, around),
        rights=lambda: request.user.can_operate,
        sees=filters.environment_ids,
        state=live.version_of(pulse_of_all(known, request.user), *versions),
    )


def _changed_lines(
    request: PageRequest, known: dict[UUID, str], filters: RunFilter, around: dict[str, Any]
) -> HttpResponse:
    lines = _lines(named(visible(SyncJobRun.objects.filter(id__in=known), request.user)))
    context = {**_live_context(request, lines, filters, request.GET.get("first", "")), **around}
    final = not context["live_ids"]
    context["changed"] = [line for line in lines if line.version != known[line.run.pk]]
    context["ended"] = [line for line in context["changed"] if not line.run.is_live]
    news = [context[name] for name in ("changed", "newer_is_news", "chips", "histogram")]
    return live.answer(request, "runs/_live_rows.html", context, changed=any(news), final=final)


def _filters(request: PageRequest, params: QueryDict) -> RunFilter:
    return RunFilter.from_params(params, request.user.visible_environments())


def _lines(runs: Iterable[SyncJobRun]) -> list[RunLine]:
    """Each with what is usual for it: one query more, whatever their number."""
    runs = list(runs)
    return run_lines(runs, timezone.now(), usual_of(runs))


def _better_address(request: PageRequest, filters: RunFilter, saved: list[SavedView]) -> str | None:
    """Where the list without parameters goes; and the address that tells the same filters in a shorter way."""
    if not request.GET:
        return next((view.query for view in saved if view.is_default), None)
    plain = filters.params.urlencode()
    return None if plain == request.GET.urlencode() else plain or ALL_RUNS


def _whole_page(query: str) -> HttpResponse:
    return redirect(f"{reverse('run_list')}?{query}".removesuffix("?"))


def _page(request: PageRequest, filters: RunFilter) -> tuple[Page[SyncJobRun], bool]:
    """The page, and whether the database was too slow for it."""
    try:
        return filters.page(request.GET.get("cursor")), False
    except ReadTimedOut:
        return Page([], None, None), True


def _first(page: Page[SyncJobRun]) -> str:
    """The place before which new runs appear. An older page has none: nothing new would stand on it."""
    return "" if page.previous_cursor else page.first or ""


def _why_none(filters: RunFilter, words: FilterWords, is_late: bool) -> dict[str, Any]:
    """What a list without lines tells, and where it leads."""
    scope = SyncJobRun.objects.filter(environment__in=filters.environment_ids)
    return {
        "is_late": is_late,
        "has_runs": not is_late and not words.narrows and scope.exists(),
        "retry": filters.query_string(),
        "shorter": filters.query_string(since="24h", until=None),
        "ever": filters.query_string(since="all"),
    }


def _live_context(request: PageRequest, lines: list[RunLine], filters: RunFilter, first: str) -> dict[str, Any]:
    open_lines = [line for line in lines if line.run.is_live]
    return {
        "filters": filters,
        "may_operate": request.user.can_operate,
        "lines": lines,
        "live_ids": ",".join(line.run.pk.hex for line in open_lines),
        "live_versions": ",".join(line.version for line in open_lines),
        "live_filters": filters.query_string(cursor=None),
        "live_first": first,
        "newer_count": 0,
    }


def _counted_already(filters: RunFilter) -> dict[str, Any]:
    """The counts and bars of somebody who looked a moment ago; without them the page asks for them by itself."""
    counts, rows = cache.get(_counts_key(filters)), cache.get(_bars_key(filters))
    bars = histogram(rows, timezone.now()) if isinstance(rows, list) else None
    return {
        "chips": _chips(filters, counts or {}),
        "counts_version": live.version_of(counts) if counts else "",
        "histogram": bars,
        "bars_version": bars.version if bars else "",
    }


def _around(request: PageRequest, filters: RunFilter) -> dict[str, Any]:
    """What stands around the lines, where it is not what the browser has. Counts are new every `COUNTED_FOR` only."""
    newer = _newer(filters, request.GET.get("first", ""))
    counts, bars = _counts(filters), _histogram(filters)
    counts_version, bars_version = live.version_of(counts), bars.version if bars else ""
    return {
        "newer_count": newer,
        "newer_is_news": newer != _int(request.GET.get("newer", "")),
        "chips": _chips(filters, counts) if counts_version != request.GET.get("counts") else None,
        "counts_version": counts_version,
        "histogram": bars if bars_version != request.GET.get("bars") else None,
        "bars_version": bars_version,
    }


def _newer(filters: RunFilter, first: str) -> int:
    try:
        return filters.newer(first, MOST_NEWER) if first else 0
    except (BadCursor, ReadTimedOut):
        return 0


def _counts(filters: RunFilter) -> dict[str, int | None]:
    return cache.get_or_set(_counts_key(filters), lambda: filters.status_counts(COUNT_CAP), COUNTED_FOR) or {}


def _histogram(filters: RunFilter) -> Histogram | None:
    """None when the database could not tell soon enough."""
    now = timezone.now()
    rows = cache.get_or_set(_bars_key(filters), lambda: _half_hours(filters, now), COUNTED_FOR)
    return histogram(rows, now) if isinstance(rows, list) else None


def _counts_key(filters: RunFilter) -> str:
    return f"run-counts:{filters.key}"


def _bars_key(filters: RunFilter) -> str:
    return f"run-bars:{filters.key}"


def _half_hours(filters: RunFilter, now: datetime) -> list[tuple[int, str, int]] | str:
    try:
        return filters.half_hours(first_half_hour(now))
    except ReadTimedOut:
        return "late"  # not None, which the cache does not keep


def _chips(filters: RunFilter, counts: dict[str, int | None]) -> list[Chip]:
    return [_chip(filters, status, counts.get(status)) for status in CHIP_ORDER]


def _chip(filters: RunFilter, status: RunStatus, count: int | None) -> Chip:
    chosen: list[str] = filters.values.get("status", [])
    others = [value for value in chosen if value != status]
    rest = others if status in chosen else [*others, status.value]
    address = filters.query_string(status=rest or None)
    return Chip(status_mark(status), status in chosen, address or ALL_RUNS, count)


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
