"""Two texts, line by line: what would go and what would come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

MOST_LINES = 20_000  # of both texts together: comparing takes long where many lines are alike
_KINDS = {"+": "added", "-": "removed", " ": "same", "@": "gap"}


@dataclass(frozen=True)
class DiffLine:
    """`kind` is added, removed, same, or gap, which stands for lines that are left out."""

    kind: str
    text: str

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "−"}.get(self.kind, " ")  # noqa: RUF001 - a minus sign is meant


def diff_lines(before: str, after: str) -> list[DiffLine] | None:
    """The lines that differ, with three around them; none for equal texts. None if the texts are too long for it."""
    old, new = before.splitlines(), after.splitlines()
    return None if len(old) + len(new) > MOST_LINES else list(_lines(old, new))


def _lines(old: list[str], new: list[str]) -> Iterator[DiffLine]:
    for number, line in enumerate(unified_diff(old, new, lineterm="", n=3)):
        if number > 2:  # behind the two names of files, and the first gap
            yield DiffLine(_KINDS[line[0]], "" if line[0] == "@" else line[1:])
