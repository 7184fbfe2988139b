"""The tabs over the run list: views that everybody has, and those that a person has saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from runs.filters import ANY_WARNING, RunFilter, canonical
from runs.models import SavedView, User, WarningCode

WINDOW = "7d"
ALL_RUNS = f"since={WINDOW}"


@dataclass(frozen=True)
class Tab:
    """`saved` is None for the views that everybody has."""

    name: str
    query: str
    current: bool
    saved: SavedView | None = None


def tabs(user: User, saved: Sequence[SavedView], filters: RunFilter) -> list[Tab]:
    """All views, with the one that the list shows marked: of several that ask the same, the first."""
    shown = _asks(filters.params)
    found: list[tuple[str, str, SavedView | None]] = [(name, query, None) for name, query in _for_everybody(user)]
    found += [(view.name, view.query, view) for view in saved]
    current = next((index for index, (_, query, _) in enumerate(found) if _asks(QueryDict(query)) == shown), None)
    return [Tab(name, query, index == current, view) for index, (name, query, view) in enumerate(found)]


def _for_everybody(user: User) -> list[tuple[str, str]]:
    recent: dict[str, Any] = {"since": WINDOW}
    mine = recent | {"by": user.get_username()}
    views: list[tuple[str, dict[str, Any]]] = [
        (pgettext("runs", "All"), recent),
        (_("Running now"), {"status": ["running", "created"], "since": "all"}),
        (pgettext("runs", "Failed"), recent | {"status": "failed"}),
        (_("With errors"), recent | {"status": "completed", "errors": "yes"}),
        (_("With warnings"), recent | {"warning": ANY_WARNING}),
        (_("Zero records"), recent | {"warning": WarningCode.ZERO.value}),
        (pgettext("runs", "Slow"), recent | {"slow": "yes"}),
        (pgettext("runs", "Mine"), mine),
    ]
    return [(name, urlencode(query, doseq=True)) for name, query in views]


def _asks(params: QueryDict) -> list[tuple[str, list[str]]]:
    """The same for addresses that show the same list: order, the page's place and the usual window do not count."""
    asked = {"since": [WINDOW], **{name: sorted(values) for name, values in canonical(params).lists()}}
    asked.pop("cursor", None)
    return sorted(asked.items())
