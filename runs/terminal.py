"""Tables about runs on a terminal, for both commands that show them. Knows neither Django nor the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from runs.words import harmless

STYLES = {
    "completed": "green",
    "failed": "bold red",
    "stopped": "magenta",
    "running": "blue",
    "created": "dim",
    "pending": "dim",
    "stopping": "yellow",
    "waiting": "yellow",
}
WHOLE, MEDIUM = 170, 100  # columns of a terminal, below which a table of runs leaves out what does not fit
SHORT_ID = 13  # characters: the millisecond in which the run was made


@dataclass(frozen=True)
class RunLine:
    """A run as a table shows it. `seconds` is None before its start."""

    id: str
    status: str
    account: str
    job: str
    created_at: datetime
    seconds: float | None
    fetched: int
    persisted: int
    error: str


_NAME: dict[str, Any] = {"overflow": "ellipsis", "no_wrap": True, "ratio": 1}
_COLUMNS: dict[str, dict[str, Any]] = {
    "run": {"no_wrap": True},
    "status": {"no_wrap": True},
    "account": {**_NAME, "max_width": 24},
    "job": {**_NAME, "max_width": 28},
    "created": {"no_wrap": True},
    "took": {"justify": "right", "no_wrap": True},
    "fetched": {"justify": "right", "no_wrap": True},
    "persisted": {"justify": "right", "no_wrap": True},
    "error": {"overflow": "fold", "ratio": 2},
}
_ON_NARROW = ("run", "status", "account", "job", "took")
_ON_MEDIUM = ("run", "status", "account", "job", "created", "took", "error")


def plain_table(width: int, **columns: dict[str, Any]) -> Table:
    """A table without lines, a keyword per column. Where there is little room it takes all of the width, and columns
    with a `ratio` share what the others leave."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=width < WHOLE)
    for name, options in columns.items():
        table.add_column(name, **options)
    return table


def runs_table(lines: Iterable[RunLine], width: int) -> Table:
    """Whole on a wide terminal; on others ids are cut to what `show` and its like still find them by."""
    kept = tuple(_COLUMNS) if width >= WHOLE else _ON_MEDIUM if width >= MEDIUM else _ON_NARROW
    table = plain_table(width, **{name: _COLUMNS[name] for name in kept})
    for line in lines:
        cells = _cells(line, width < WHOLE)
        table.add_row(*(cells[name] for name in kept))
    return table


def _cells(line: RunLine, is_cut: bool) -> dict[str, Text]:
    """As texts that are no markup: an error may hold brackets."""
    counts = [f"{line.fetched:,}", f"{line.persisted:,}"] if line.seconds is not None else ["-", "-"]
    return {
        "run": Text(line.id[:SHORT_ID] if is_cut else line.id),
        "status": status_text(line.status),
        "account": Text(harmless(line.account)),
        "job": Text(harmless(line.job)),
        "created": Text(f"{line.created_at:%Y-%m-%d %H:%M:%S}"),
        "took": Text("-" if line.seconds is None else f"{line.seconds:,.0f} s"),
        "fetched": Text(counts[0]),
        "persisted": Text(counts[1]),
        "error": Text(harmless(line.error)),
    }


def status_text(words: str) -> Text:
    return Text(harmless(words), style=STYLES.get(words, ""))


def facts_table(facts: Mapping[str, Text | str]) -> Table:
    """A line each."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, value if isinstance(value, Text) else Text(harmless(value)))
    return table


@dataclass(frozen=True)
class EntryLine:
    """An entry of a run as a table shows it."""

    name: str
    status: str
    fetched: int
    persisted: int
    error_count: int


def entries_table(lines: Iterable[EntryLine], width: int) -> Table:
    number = {"justify": "right", "no_wrap": True}
    name = {"overflow": "fold", "ratio": 1}
    table = plain_table(width, entry=name, status={"no_wrap": True}, fetched=number, persisted=number, errors=number)
    for line in lines:
        counts = (f"{line.fetched:,}", f"{line.persisted:,}", f"{line.error_count:,}")
        table.add_row(Text(harmless(line.name)), status_text(line.status), *counts)
    return table
