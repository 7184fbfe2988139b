"""A consistent copy of the embedded database while it is written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

PATIENCE = 20.0  # seconds for a lock


class Damaged(Exception):
    """What SQLite has found wrong with a copy."""


def copy_database(source: Path, target: Path) -> int:
    """Copy the database into a new file that only its owner can read; the size of that in bytes.

    One step within one read transaction (https://www.sqlite.org/backup.html): whoever writes meanwhile neither waits
    nor makes it begin anew, and nothing of what is written meanwhile is in the copy. Nobody sees the file until it has
    been checked and is on disk. Its draft is its lock: raises FileExistsError where there is a file or a draft of it
    already, OSError where it can't be written, sqlite3.Error where the database can't be read, and Damaged.
    """
    if target.exists():
        raise FileExistsError(target)
    draft = target.with_name(f".{target.name}.part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _fill(draft, source)
        _check(draft)
        _write_through(draft)
        _publish(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


def _fill(draft: Path, source: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as database,
        closing(sqlite3.connect(draft)) as copy,
    ):
        database.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it; Syncdeck switches it back


def _check(draft: Path) -> None:
    with closing(sqlite3.connect(draft)) as copy:
        faults = [fault for (fault,) in copy.execute("PRAGMA integrity_check(3)") if fault != "ok"]
    if faults:
        raise Damaged("; ".join(faults))


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(draft: Path, target: Path) -> None:
    """Somebody may have put a file there meanwhile; not every file system has the hard links that would tell."""
    if target.exists():
        raise FileExistsError(target)
    draft.rename(target)
