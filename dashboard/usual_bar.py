"""How long a run took against what is usual: a thin bar over the band in which eight of ten such runs end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import floor

from runs.habits import Usual
from runs.models import SyncJobRun

UNIT = 2  # pixels: a bar that grows by whole units is drawn anew seldom
WIDTH = 48
_UNITS = WIDTH // UNIT
_BAND_END = 2 * _UNITS // 3  # where the usual times end, whatever they are: bars of all lines compare by eye
_BROKEN = "M0 1h40v2h-40zM44 1h4v2h-4z"


@dataclass(frozen=True)
class UsualBar:
    """`length` is in pixels, at most the whole width; `is_cut`: it would be longer.

    `exceeds` is the limit that the run is over; None within the usual.
    """

    usual: Usual
    length: int
    is_cut: bool
    exceeds: timedelta | None

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def band_from(self) -> int:
        return min(UNIT * floor(_BAND_END * (self.usual.shortest / self.usual.longest)), self.band_to - UNIT)

    @property
    def band_to(self) -> int:
        return UNIT * _BAND_END

    @property
    def band(self) -> int:
        return self.band_to - self.band_from

    @property
    def outline(self) -> str:
        return _BROKEN if self.is_cut else f"M0 1h{self.length}v2h-{self.length}z"


def usual_bar(run: SyncJobRun, took: timedelta | None, usual: Usual | None) -> UsualBar | None:
    """None where there is nothing to compare. A run that has ended goes by what was usual before it."""
    if took is None or usual is None or not usual.longest:
        return None
    units = round(_BAND_END * (took / usual.longest))
    exceeds = usual.limit if run.is_live and usual.is_exceeded_by(took) else run.usual_limit
    return UsualBar(usual, UNIT * min(max(units, 1), _UNITS), units > _UNITS, exceeds)
