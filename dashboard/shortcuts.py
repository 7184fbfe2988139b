"""The single keys of the pages, as they are told to people. `static/js/keys.js` does what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.rail import RAIL

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Shortcut:
    """The keys, pressed one after another, and what they do."""

    keys: tuple[str, ...]
    words: _StrPromise


EVERYWHERE = (
    Shortcut(("/",), _("Search")),
    Shortcut(("?",), _("Show these shortcuts")),
    Shortcut(("Esc",), _("Close a dialog or a menu")),
)
IN_A_LIST = (
    Shortcut(("j",), _("Next row")),
    Shortcut(("k",), _("Previous row")),
    Shortcut(("Enter",), _("Open the row")),
    Shortcut(("x",), _("Select the row")),
)
OF_A_RUN = (
    Shortcut(("s",), _("Stop it; asks first")),
    Shortcut(("r",), _("Rerun it; asks first")),
)


def shortcut_groups() -> list[tuple[str, tuple[Shortcut, ...]]]:
    """All of them under their headings."""
    places = [place for group in RAIL for place in group if place.key]
    return [
        (gettext("Everywhere"), EVERYWHERE),
        (gettext("In a list"), IN_A_LIST),
        (gettext("On a run's page, or its row"), OF_A_RUN),
        (gettext("Go to"), tuple(Shortcut(("g", place.key), place.words) for place in places)),
    ]
