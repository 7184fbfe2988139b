"""`manage.py prune`: removes old runs, and what belongs to them."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.management.database import ensure_tables
from runs.management.typist import typing
from runs.services import prune

MOST_DAYS = 36_500


class Command(BaseCommand):
    help = "Remove runs that ended long ago, with their events, errors and deliveries. The records stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only tell what would be removed.")
        parser.add_argument(
            "--older-than", type=days, metavar="DAYS", help="Runs that ended so long ago; by default RUN_DAYS."
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="The counts as one JSON object.")

    def handle(self, *, dry_run: bool, older_than: int | None, as_json: bool, **options: Any) -> None:
        age = older_than or settings.RUN_DAYS
        if not age:
            raise CommandError("RUN_DAYS is 0, so runs are kept for ever. Say which are to go: --older-than DAYS.")
        ensure_tables()
        with typing():
            counts = prune(timedelta(days=age), dry_run=dry_run)
        if as_json:
            self.stdout.write(json.dumps({"dry_run": dry_run, "older_than_days": age, **counts}))
            return
        self.stdout.write(f"{'Would be removed' if dry_run else 'Removed'}, of what is older than {age:,} days:")
        for name, count in counts.items():
            self.stdout.write(f"{count:>12,}  {name.replace('_', ' ')}")


def days(text: str) -> int:
    """An argparse type."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= found <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"must be a whole number of days from 1 to {MOST_DAYS:,}.")
    return found
