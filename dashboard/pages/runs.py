"""The list of runs: filters, pages by key, and its live lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import live
from dashboard.marks import Mark, status_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.run_lines import RunLine, named, run_lines
from dashboard.templatetags.syncdeck import number, started_by
from runs.filters import RunFilter
from runs.models import IntegratedAccount, RunStatus, RunTrigger, SyncJob, SyncJobRun

MOST_CHOICES = 200  # of jobs and accounts in a select; the search finds the others
COUNT_CAP = 1000
FILTER_WORDS = {"q": "search", "error": "error group", "unresolved": "unresolved error", "since": "from", "until": "to"}
CHIP_ORDER = (RunStatus.RUNNING, RunStatus.CREATED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.COMPLETED)


@dataclass(frozen=True)
class Chip:
    """A status that a click adds to the filter, or takes out of it. `count` None: not counted yet."""

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
    filters = RunFilter.from_params(request.GET, request.user.visible_environments())
    page = filters.page(request.GET.get("cursor"))
    context = {
        **_live_context(run_lines(page.rows, timezone.now())),
        "filters": filters,
        "chips": _chips(filters, {}),
        "newer": page.previous_cursor and filters.query_string(cursor=page.previous_cursor),
        "older": page.next_cursor and filters.query_string(cursor=page.next_cursor),
        **_choices(request, filters),
        "in_force": _in_force(filters),
    }
    return render(request, "runs/list.html", context)


@staff_page
@require_safe
def run_counts(request: PageRequest) -> HttpResponse:
    """The status chips with their counts: apart from the list, so that a slow count never holds it up."""
    if not request.htmx:
        return redirect("run_list")
    filters = RunFilter.from_params(request.GET, request.user.visible_environments())
    return render(request, "runs/_chips.html", {"chips": _chips(filters, filters.status_counts(COUNT_CAP))})


@staff_page
@require_safe
def run_live(request: PageRequest) -> HttpResponse:
    """The lines that have changed, of those which the browser shows and which were not final."""
    if not request.htmx:
        return redirect("run_list")
    known = live.known_lines(request.GET)
    runs = visible(SyncJobRun.objects.filter(id__in=known), request.user)
    lines = run_lines(named(runs), timezone.now())
    changed = [line for line in lines if line.version != known[line.run.pk]]
    context = {**_live_context(lines), "changed": changed, "ended": [line for line in changed if not line.run.is_live]}
    final = not any(line.run.is_live for line in lines)
    return live.answer(request, "runs/_live_rows.html", context, changed=bool(changed), final=final)


def _live_context(lines: list[RunLine]) -> dict[str, Any]:
    open_lines = [line for line in lines if line.run.is_live]
    return {
        "lines": lines,
        "live_ids": ",".join(line.run.pk.hex for line in open_lines),
        "live_versions": ",".join(line.version for line in open_lines),
    }


def _chips(filters: RunFilter, counts: dict[str, int]) -> list[Chip]:
    return [_chip(filters, status, counts.get(status)) for status in CHIP_ORDER]


def _chip(filters: RunFilter, status: RunStatus, count: int | None) -> Chip:
    chosen: list[str] = filters.values.get("status", [])
    others = [value for value in chosen if value != status]
    rest = others if status in chosen else [*others, status.value]
    address = filters.query_string(status=rest or None)
    return Chip(status_mark(status), status in chosen, address, count)


def _choices(request: PageRequest, filters: RunFilter) -> dict[str, list[tuple[str, str]]]:
    """The options of the selects: value and words."""
    jobs = visible(SyncJob.objects.live(), request.user).order_by("label")
    accounts = visible(IntegratedAccount.objects.live(), request.user).order_by("tenant_id", "id")
    return {
        "jobs": _options(jobs.values_list("id", "label"), filters.values.get("job")),
        "accounts": _options(accounts.values_list("id", "tenant_id"), filters.values.get("account")),
        "triggers": [(trigger.value, started_by(trigger)) for trigger in RunTrigger],
    }


def _options(rows: QuerySet[Any, tuple[UUID, str]], chosen: UUID | None) -> list[tuple[str, str]]:
    """The first rows, and the chosen one if it is not among them: else sending the form would lose it."""
    first = list(rows[:MOST_CHOICES])
    if chosen and chosen not in dict(first):
        first += rows.filter(pk=chosen)
    return [(str(pk), name or str(pk)) for pk, name in first]


def _in_force(filters: RunFilter) -> list[tuple[str, str]]:
    """The filters that narrow the list, each with the address that takes it out."""
    return [(FILTER_WORDS.get(name, name), filters.query_string(**{name: None})) for name in filters.values]
