"""Filters that are typed into the search: `job:nightly -account:"Acme Corp" status:failed timeout`."""

from __future__ import annotations

import re

NEGATABLE = ("status", "account", "job", "resource", "trigger")
WORDS = (*NEGATABLE, "since", "until", "over", "under", "errors", "records", "by")
NOT = "not_"

_WORD = re.compile(
    rf"""(?<!\S) (?: (?P<minus>-)? (?P<negatable>{"|".join(NEGATABLE)}) | (?P<plain>{"|".join(WORDS)}) )
    : (?: "(?P<quoted>[^"]+)" | (?P<bare>[^\s"]+) ) (?!\S)""",
    re.VERBOSE,
)


def read_words(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What remains of the text, and the filters in it as parameters of the address: `-job:x` is `not_job=x`."""
    found = [(_name(match), match["quoted"] or match["bare"]) for match in _WORD.finditer(text)]
    return " ".join(_WORD.sub("", text).split()) if found else text, found


def _name(match: re.Match[str]) -> str:
    if match["plain"]:
        return match["plain"]
    return f"{NOT if match['minus'] else ''}{match['negatable']}"
