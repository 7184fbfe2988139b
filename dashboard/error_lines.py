"""An error group as a line of the list: what is counted of it, whether it still happens, and its trend."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.marks import Mark, error_group_mark
from dashboard.sparklines import Sparkline, sparkline
from runs.error_filters import SHOWN_GROUPS, ErrorFilter, Tally
from runs.models import ErrorGroup


@dataclass(frozen=True)
class ErrorLine:
    group: ErrorGroup
    tally: Tally
    mark: Mark
    trend: Sparkline


def error_lines(filters: ErrorFilter) -> list[ErrorLine]:
    """The first `SHOWN_GROUPS` of the filter, in its order."""
    groups, edges = filters.groups(), filters.window.edges(filters.now)
    met = filters.trends(groups)
    return [
        ErrorLine(group, tally, mark_of(group), sparkline(met.get(group.pk, []), edges))
        for tally in filters.tallies[:SHOWN_GROUPS]
        if (group := groups.get(tally.group)) is not None
    ]


def mark_of(group: ErrorGroup) -> Mark:
    """Of a group that was read `with_outlook`."""
    return error_group_mark(still_happens=group.still_happens)  # type: ignore[attr-defined]
