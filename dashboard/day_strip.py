"""How an account's runs ended on each of the last days: a drawing of one cell a day, and the same as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from runs.models import WORST_FIRST, AccountDay, Ending

DAYS = 14
STEP, WIDTH, HEIGHT = 11, 8, 20
_WORDS = {
    Ending.FAILED: ngettext_lazy("{count:,} failed", "{count:,} failed", "count"),
    Ending.WARNED: ngettext_lazy(
        "{count:,} completed with errors or warnings", "{count:,} completed with errors or warnings", "count"
    ),
    Ending.STOPPED: ngettext_lazy("{count:,} stopped", "{count:,} stopped", "count"),
    Ending.COMPLETED: ngettext_lazy("{count:,} completed", "{count:,} completed", "count"),
}
# The worse, the higher: the drawing can be read without its colours.
GAP = 1
_HEIGHTS = {Ending.FAILED: 20, Ending.WARNED: 15, Ending.STOPPED: 11, Ending.COMPLETED: 8}


@dataclass(frozen=True)
class Day:
    """`worst` is the ending that is shown; None on a day on which no run ended, which is a gap."""

    date: date
    x: int
    worst: Ending | None
    words: str

    @property
    def height(self) -> int:
        return _HEIGHTS[self.worst] if self.worst else GAP

    @property
    def outline(self) -> str:
        """The cell as a part of a path, standing on the base line."""
        return f"M{self.x} {HEIGHT}v-{self.height}h{WIDTH}v{self.height}z"


@dataclass(frozen=True)
class DayStrip:
    """The last fourteen days, the oldest first, in UTC."""

    days: list[Day]

    @property
    def width(self) -> int:
        return len(self.days) * STEP - (STEP - WIDTH)

    @property
    def shapes(self) -> list[tuple[str, str]]:
        """A path for each ending that there is, and for the gaps: fifty strips are drawn with few elements."""
        kinds = (*WORST_FIRST, None)
        paths = [(kind or "none", "".join(day.outline for day in self.days if day.worst == kind)) for kind in kinds]
        return [(kind, path) for kind, path in paths if path]

    @property
    def told(self) -> list[Day]:
        """The days that there is something to tell of, the latest first."""
        return [day for day in reversed(self.days) if day.worst]

    @property
    def summary(self) -> str:
        told, bad = len(self.told), sum(day.worst == Ending.FAILED for day in self.told)
        if not told:
            return _("no run ended in the last 14 days")
        ended = ngettext("runs ended on {count} of the last 14 days", "runs ended on {count} of the last 14 days", told)
        failures = (
            ngettext("failures on {count} of them", "failures on {count} of them", bad) if bad else _("no failure")
        )
        return f"{ended.format(count=told)}, {failures.format(count=bad)}"


def since(now: datetime) -> date:
    """The first day of a strip."""
    return now.astimezone(UTC).date() - timedelta(days=DAYS - 1)


def day_strips(accounts: Iterable[UUID], now: datetime) -> dict[UUID, DayStrip]:
    """The strips of these accounts, in one query of at most fourteen rows each."""
    ids = list(accounts)
    counted: dict[UUID, dict[date, AccountDay]] = {account: {} for account in ids}
    for row in AccountDay.objects.filter(account__in=ids, day__gte=since(now)):
        counted[row.account_id][row.day] = row
    return {account: _strip(days, since(now)) for account, days in counted.items()}


def _strip(counted: dict[date, AccountDay], first: date) -> DayStrip:
    dates = [first + timedelta(days=number) for number in range(DAYS)]
    return DayStrip([_day(day, number * STEP, counted.get(day)) for number, day in enumerate(dates)])


def _day(day: date, x: int, row: AccountDay | None) -> Day:
    counts: dict[Ending, Any] = {ending: getattr(row, ending.value, 0) for ending in WORST_FIRST}
    ends = [ending for ending in WORST_FIRST if counts[ending]]
    words = ", ".join(_WORDS[ending].format(count=counts[ending]) for ending in ends)
    return Day(day, x, ends[0] if ends else None, words or _("no run ended"))
