"""`manage.py backup`: a copy of the embedded database, while Syncdeck goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from runs.management.sqlite_copy import Damaged, copy_database

ON_A_SERVER = "The database is on a server: take the backup with `pg_dump`, as runs/ops/backup.md says."


class Command(BaseCommand):
    help = "Copy the embedded SQLite database into a new file, checked, while Syncdeck goes on. Keys are not in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="It must not be there yet.")

    def handle(self, *, output: Path, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError(ON_A_SERVER)
        source = Path(connection.settings_dict["NAME"])
        if not source.is_file():
            raise CommandError(f"There is no database at {source}.")
        size = _copied(source, output)
        self.stdout.write(f"{output}: {size:,} bytes, checked. The keys are not in it: keep them elsewhere.")


def _copied(source: Path, output: Path) -> int:
    try:
        return copy_database(source, output)
    except FileExistsError as error:
        what = Path(error.filename or output)
        hint = "" if what == output else " Another backup is at it, or was cut short: remove it then."
        raise CommandError(f"{what} is there already; nothing is overwritten.{hint}") from error
    except OSError as error:
        raise CommandError(f"{output} can't be written: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise CommandError(f"{source} can't be copied: {error}.") from error
    except Damaged as error:
        raise CommandError(f"{source} is damaged, and no backup was kept: {error}.") from error
