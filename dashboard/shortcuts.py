"""The single keys of the pages, as they are told to people. `static/js/keys.js` does what they say."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.rail import RAIL


@dataclass(frozen=True)
class Shortcut:
    """The keys, pressed one after another, and what they do."""

    keys: tuple[str, ...]
    words: str


EVERYWHERE = (
    Shortcut(("/",), "Search"),
    Shortcut(("?",), "Show these shortcuts"),
    Shortcut(("Esc",), "Close a dialog or a menu"),
)
IN_A_LIST = (
    Shortcut(("j",), "Next row"),
    Shortcut(("k",), "Previous row"),
    Shortcut(("Enter",), "Open the row"),
    Shortcut(("x",), "Select the row"),
)
OF_A_RUN = (
    Shortcut(("s",), "Stop it; asks first"),
    Shortcut(("r",), "Rerun it; asks first"),
)


def shortcut_groups() -> list[tuple[str, tuple[Shortcut, ...]]]:
    """All of them under their headings."""
    places = [place for group in RAIL for place in group if place.key]
    return [
        ("Everywhere", EVERYWHERE),
        ("In a list", IN_A_LIST),
        ("On a run's page, or its row", OF_A_RUN),
        ("Go to", tuple(Shortcut(("g", place.key), place.words) for place in places)),
    ]
