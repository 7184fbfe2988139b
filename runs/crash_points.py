"""Named places at which the fault suite ends, stops or hangs a process, to make a fault of timing exact.

Nothing in the product arms them, and neither a setting nor a variable of the environment can: only a program that
imports this module and says so, as the suite's own launcher does. Unarmed, a point costs one call that looks at None;
they stand where a run, a batch or an event passes, never a record.
"""

from __future__ import annotations

from collections.abc import Callable

_act: Callable[[str], None] | None = None


def crash_at(point: str) -> None:
    """A place of this name is passed."""
    if _act is not None:
        _act(point)


def arm(act: Callable[[str], None]) -> None:
    """Call `act` with the name of each point that this process, or one forked from it, passes from now on."""
    global _act
    _act = act
