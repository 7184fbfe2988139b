"""What host names lead to, told to armed processes by a test: a resolver of the network cannot be made to lie.

A name's answers are written to a file in the folder that test and processes share. The first look-up by whatever
process gets the first answer, and so on; the last one stays. Names that are not given go to the system's resolver.
"""

from __future__ import annotations

import fcntl
import json
import socket
from pathlib import Path
from typing import Any

ANSWERS, LOOKED_UP = "names.answers", "names.lookups"


class Names:
    """The folder, from the side of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def give(self, **answers: list[list[str]]) -> None:
        """For each name, with `_` for its dots, the addresses of one look-up after the other."""
        given = {name.replace("_", "."): addresses for name, addresses in answers.items()}
        (self._folder / ANSWERS).write_text(json.dumps(given))

    def lookups(self, name: str) -> list[list[str]]:
        """What each look-up of the name was answered."""
        path = self._folder / LOOKED_UP
        lines = path.read_text().splitlines() if path.exists() else []
        return [answer for found, answer in map(json.loads, lines) if found == name]


def hear(folder: Path) -> None:
    """The process that calls this resolves as the test has written it."""
    asked = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in _given(folder) or options.get("flags", 0) & socket.AI_NUMERICHOST:
            return asked(host, port, *args, **options)
        found = _answer(folder, host)
        return [entry for address in found for entry in asked(address, port, *args, **options)]

    socket.getaddrinfo = getaddrinfo


def _given(folder: Path) -> dict[str, list[list[str]]]:
    path = folder / ANSWERS
    given: dict[str, list[list[str]]] = json.loads(path.read_text()) if path.exists() else {}
    return given


def _answer(folder: Path, name: str) -> list[str]:
    """The name's next answer, whichever process asks."""
    answers = _given(folder)[name]
    with (folder / LOOKED_UP).open("a+") as lookups:
        fcntl.flock(lookups, fcntl.LOCK_EX)
        lookups.seek(0)
        before = sum(json.loads(line)[0] == name for line in lookups)
        answer = answers[min(before, len(answers) - 1)]
        lookups.write(f"{json.dumps([name, answer])}\n")
    return answer
