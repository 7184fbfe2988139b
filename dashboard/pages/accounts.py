"""The board of accounts: how fresh the data of each is. Their credentials are not read here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from dashboard.account_lines import account_lines
from dashboard.marks import Mark, account_state_mark
from dashboard.pages.access import PageRequest, staff_page, visible
from dashboard.templatetags.syncdeck import number
from runs.account_filters import AccountFilter, AccountState
from runs.models import Integration

COUNT_CAP = 1000
MOST_CHOICES = 200
FILTER_WORDS = {"q": _("search"), "state": _("state"), "integration": _("integration")}


@dataclass(frozen=True)
class StateChip:
    """A state that a click narrows the board to, or widens it from. `count` None: not counted yet."""

    mark: Mark
    chosen: bool
    address: str
    count: int | None

    @property
    def shown_count(self) -> str:
        exceeds = self.count is not None and self.count > COUNT_CAP
        return f"{number(COUNT_CAP)}+" if exceeds else number(self.count)


@staff_page
@require_safe
def account_list(request: PageRequest) -> HttpResponse:
    filters = _filters(request)
    page = filters.page(request.GET.get("cursor"))
    context = {
        "filters": filters,
        "lines": account_lines(page.rows, filters.now),
        "chips": _chips(filters, {}),
        "newer": page.previous_cursor and filters.query_string(cursor=page.previous_cursor),
        "older": page.next_cursor and filters.query_string(cursor=page.next_cursor),
        "integrations": _integrations(request),
        "in_force": [(FILTER_WORDS.get(name, name), filters.query_string(**{name: None})) for name in filters.in_force],
        "by_name": _column(filters, "name"),
        "by_freshness": _column(filters, "fresh"),
    }
    return render(request, "accounts/list.html", context)


@staff_page
@require_safe
def account_counts(request: PageRequest) -> HttpResponse:
    """The states with their counts: apart from the board, so that a slow count never holds it up."""
    if not request.htmx:
        return redirect("account_list")
    filters = _filters(request)
    return render(request, "accounts/_chips.html", {"chips": _chips(filters, filters.state_counts(COUNT_CAP))})


def _filters(request: PageRequest) -> AccountFilter:
    return AccountFilter.from_params(request.GET, request.user.visible_environments())


def _chips(filters: AccountFilter, counts: dict[str, int]) -> list[StateChip]:
    return [_chip(filters, state, counts.get(state)) for state in AccountState]


def _chip(filters: AccountFilter, state: AccountState, count: int | None) -> StateChip:
    chosen = filters.values.get("state") == state
    address = filters.query_string(state=None if chosen else state.value)
    return StateChip(account_state_mark(state), chosen, address, count)


def _column(filters: AccountFilter, name: str) -> dict[str, Any]:
    """The head of a column that the board can be sorted by: where a click leads, and how it is sorted now."""
    now = {name: "ascending", f"-{name}": "descending"}.get(filters.sort)
    return {"address": filters.query_string(sort=f"-{name}" if now == "ascending" else name), "sorted": now}


def _integrations(request: PageRequest) -> list[tuple[str, str]]:
    """By name, which several environments may share."""
    rows = visible(Integration.objects.live(), request.user).order_by("name").values_list("name", "label")
    return [(name, label or name) for name, label in dict(rows[:MOST_CHOICES]).items()]
