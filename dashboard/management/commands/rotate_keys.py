"""`manage.py rotate_keys`: brings all that is stored encrypted under the first of CREDENTIALS_KEYS."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.keys import put_in_front
from runs.management.database import ensure_tables
from runs.management.typist import typing
from runs.services import rotate_keys

FIRST = "Set CREDENTIALS_KEYS to it for every process, and keep it: without it what they store can't be read."
NEXT = "Restart all processes at once, then run `python manage.py rotate_keys`."
UNREADABLE = 1


class Command(BaseCommand):
    help = (
        "Encrypt with the first of CREDENTIALS_KEYS whatever is stored under an older one, while Syncdeck goes on. "
        "Exit status: 0 all is under the first key, 1 some of it is under none and stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--generate",
            action="store_true",
            help="Only make a new key: it is put in front of those kept in DATA_DIR, else printed.",
        )
        parser.add_argument("--yes", action="store_true", help="Don't ask before a file is changed.")

    def handle(self, *, generate: bool, yes: bool, **options: Any) -> None:
        if generate:
            self._generate(yes)
            return
        ensure_tables()
        with typing():
            tally = rotate_keys()
        for row in tally.unreadable:
            self.stderr.write(f"No key decrypts: {row.place}, {row.key}")
        counts = f"Encrypted anew: {tally.old:,}; under the first key before: {tally.current:,}"
        self.stdout.write(f"{counts}; under none of the keys: {len(tally.unreadable):,}.")
        if tally.unreadable:
            sys.exit(UNREADABLE)

    def _generate(self, yes: bool) -> None:
        key, file = Fernet.generate_key().decode(), settings.CREDENTIALS_KEYS_FILE
        if file is None or not file.exists():
            self.stdout.write(key)
            in_front = f"Put it in front of CREDENTIALS_KEYS, with a comma, for every process. {NEXT}"
            self.stderr.write(in_front if file is None else FIRST)
            return
        if not yes and not _agreed(file):
            raise CommandError("Nothing was changed.")
        _write(file, key)
        self.stdout.write(f"{file} begins with a new key now. {NEXT}")


def _agreed(file: Path) -> bool:
    try:
        return input(f"Put a new key in front of those in {file}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _write(file: Path, key: str) -> None:
    try:
        put_in_front(file, key)
    except FileExistsError as error:
        raise CommandError(f"{error.filename} is there: another is at it, or was cut short. Remove it then.") from error
    except OSError as error:
        raise CommandError(f"{file} can't be written: {error.strerror}.") from error
