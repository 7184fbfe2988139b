"""What each row showed: noted by its test, and made into a table."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

FOLDER = "FAULTS_REPORT"  # of the environment: where the notes go; without it none are kept
RESULTS = Path(__file__).with_name("results.md")
HEAD = """# Faults

What the fault suite has shown. Every row starts real processes (web, daemons, PostgreSQL and Redis, or SQLite and
files), a source that remembers every record it served and a receiver that keeps every byte; after it has drained, one
checker judges: **L** nothing lost, **D** nothing doubled, **S** the status is right and says why, **T** in time,
**F** no write by a non-owner, **X** no planted secret and nothing of another tenant to be seen, **A** the rest keeps
working. The lease is shortened to 3 s and the sweep to 1 s; outages are cut to a few leases. `make faults` runs all
rows and writes this table; `make test` a quick selection.

What falls short: on SQLite a foreign write (F) is seen by the counts alone, for its witness is made of PostgreSQL's
triggers. After the database's clock has stepped back, what was to be done at a time of before (a parked run, a
delivery's next attempt) waits longer by as much; leases do not (row 22). A daemon of an older version ignores a field
of an entry that it does not know (row 30). Advisories are asked for by `make audit`, which takes the network (row 77).

| # | fault | on | judged | seed | showed |
| --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Note:
    """One row on one kind of installation. `number`: of the matrix; 0: of no row."""

    number: int
    fault: str
    on: str
    judged: str
    seed: str
    showed: str


def keep(note: Note, test: str) -> None:
    """Under the name of the test that it is of."""
    folder = os.environ.get(FOLDER)
    if folder:
        name = re.sub(r"[^\w.-]+", "-", test)
        (Path(folder) / f"{note.number:03}-{name}.json").write_text(json.dumps(asdict(note)))


def table(folder: Path) -> str:
    """Of all notes in the folder, by their numbers: one line for all that a row has shown on one kind of stage."""
    notes = [Note(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    lines = [_line(list(same)) for _, same in groupby(sorted(notes, key=_place), key=_place)]
    return HEAD + "".join(f"{line}\n" for line in lines)


def _place(note: Note) -> tuple[int, str, str]:
    return note.number, note.fault, note.on


def _line(same: list[Note]) -> str:
    first, shown = same[0], dict.fromkeys(note.showed for note in same)
    seeds = ", ".join(dict.fromkeys(note.seed for note in same))
    cells = (first.number or "-", first.fault, first.on, first.judged, seeds, "; ".join(shown))
    return f"| {' | '.join(str(cell) for cell in cells)} |"
