"""Following a run to its end: a live table on a terminal, a line per event everywhere else."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runs.client.command import tables
from runs.client.command.asked import Asked
from runs.client.objects import Entry, Event, Run
from runs.terminal import plain_table, status_text
from runs.words import EXIT_CODES, INTERRUPTED, counts_in_words, end_in_words, event_in_words, harmless

LATEST = 3  # events under the table
REST = LATEST + 6  # lines of the terminal that are not the table's
WIDE_ENOUGH = 90  # columns, below which requests and errors by entry are left out
REDRAWN = 4  # times a second: the clock runs while nothing is asked


def followed(asked: Asked, run: Run) -> int:
    """Tell of the run until it has ended. Returns what the command ends with. Ctrl-C ends the looking on alone."""
    try:
        ended = _watched(asked, run) if _is_watched(asked) else _told(asked, run)
    except KeyboardInterrupt:
        print(f"The run goes on; `syncdeck stop {run.id}` stops it.", file=sys.stderr)
        return INTERRUPTED
    if not asked.as_json:
        first = tables.first_error(asked, ended)
        asked.say(_end(ended) + (f"\nFirst error: {first}" if first else ""))
    return EXIT_CODES.get(ended.status, 1)


def _is_watched(asked: Asked) -> bool:
    return asked.console.is_terminal and not asked.console.is_dumb_terminal and not asked.as_json


def _told(asked: Asked, run: Run) -> Run:
    """An event a line."""
    for item in asked.deck.runs.follow(run.id):
        if isinstance(item, Run):
            run = item
        elif asked.as_json:
            asked.write(item)
        else:
            asked.say(event_in_words(item.created_at, item.kind, item.message))
            sys.stdout.flush()
    return run


def _watched(asked: Asked, run: Run) -> Run:
    screen = Screen(asked, run)
    with Live(get_renderable=screen.drawn, console=asked.console, refresh_per_second=REDRAWN):
        for item in asked.deck.runs.follow(run.id):
            if isinstance(item, Event):
                screen.latest.append(item)
            else:
                screen.run = item
                screen.entries = list(asked.deck.runs.entries(run.id))
    return screen.run


class Screen:
    """What is known of the run, and how it looks now."""

    def __init__(self, asked: Asked, run: Run) -> None:
        self._console = asked.console
        self.run = run
        self.entries: list[Entry] = []
        self.latest: deque[Event] = deque(maxlen=LATEST)

    def drawn(self) -> RenderableType:
        height = max(self._console.height - REST, 3)
        shown, hidden = worth_showing(self.entries, height)
        lines = [Text(event_in_words(one.created_at, one.kind, one.message), style="dim") for one in self.latest]
        for line in lines:
            line.truncate(self._console.width, overflow="ellipsis")
        more = [Text(f"and {hidden:,} more entries", style="dim")] if hidden else []
        return Group(self._head(), Text(), self._table(shown), *more, Text(), *lines)

    def _head(self) -> Text:
        run, words = self.run, tables.state(self.run)
        seconds, wait = tables.elapsed(run), tables.waits_for(run)
        counts = counts_in_words(run.fetched, run.persisted, run.error_count)
        told = "" if seconds is None else f"  {seconds:,.0f} s"
        held = f"  its source wants {wait:,.0f} s more" if wait and not run.has_ended else ""
        return Text.assemble(f"{run.id}  ", status_text(words), told, f"\n{counts}", (held, "yellow"))

    def _table(self, entries: Iterable[Entry]) -> Table:
        number: dict[str, Any] = {"justify": "right", "no_wrap": True}
        name = {"no_wrap": True, "overflow": "ellipsis", "ratio": 1}
        columns: dict[str, dict[str, Any]] = {"entry": name, "status": {"no_wrap": True}}
        columns |= {"fetched": number, "persisted": number}
        is_wide = self._console.width >= WIDE_ENOUGH
        if is_wide:
            columns |= {"errors": number, "requests": number}
        table = plain_table(self._console.width, **columns)
        for entry in entries:
            further = (f"{entry.error_count:,}", _requests(entry)) if is_wide else ()
            counts = (f"{entry.fetched:,}", f"{entry.persisted:,}")
            table.add_row(Text(harmless(entry.name)), status_text(entry.status), *counts, *further)
        return table


def worth_showing(entries: list[Entry], most: int) -> tuple[list[Entry], int]:
    """So many of them, in their order, and how many are left out: first those at work, then what went wrong, then those
    that wait, so that the end of a long list is not all that is seen."""
    ranks = {"running": 0, "failed": 1, "stopped": 1, "pending": 2}
    best = sorted(entries, key=lambda entry: (ranks.get(entry.status, 3), entry.index))[:most]
    return sorted(best, key=lambda entry: entry.index), len(entries) - len(best)


def _requests(entry: Entry) -> str:
    total = "" if entry.request_total is None else f"/{entry.request_total:,}"
    return f"{entry.requests_done:,}{total}"


def _end(run: Run) -> str:
    counts = counts_in_words(run.fetched, run.persisted, run.error_count)
    return end_in_words(run.status, counts, tables.elapsed(run), run.error.message if run.error else "")
