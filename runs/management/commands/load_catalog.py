"""`manage.py load_catalog`: takes integrations from the catalogue, or from a file of one's own, into an environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.catalog import CatalogEntry, catalog, parse_entry
from runs.errors import InvalidInput
from runs.management.commands.create_token import name_of, named_environment
from runs.management.database import ensure_tables
from runs.management.refusals import refusals_told
from runs.management.typist import typing
from runs.models import Environment
from runs.services import CatalogState, LoadedPart, Outcome, catalog_entry, load_entry, shelf

WORDS = {
    CatalogState.ABSENT: "not loaded",
    CatalogState.CURRENT: "loaded",
    CatalogState.OUTDATED: "loaded; the catalogue has a newer one",
    CatalogState.CHANGED: "loaded, and changed by hand",
}
KEPT = 1


class Command(BaseCommand):
    help = (
        "Load integrations with their unified mappings into an environment, which is made if missing. "
        "What was changed by hand there is kept. Exit status: 0 all loaded, 1 something was kept or refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="From the catalogue, or a .yaml file; none: all.")
        parser.add_argument("--environment", type=name_of(Environment), metavar="NAME", help="The one to load into.")
        parser.add_argument("--with-jobs", action="store_true", help="Also make the example jobs.")
        parser.add_argument("--force", action="store_true", help="Overwrite what was changed by hand.")
        parser.add_argument("--list", action="store_true", dest="only_list", help="Show what there is; change nothing.")

    def handle(
        self, *, names: list[str], environment: str | None, only_list: bool, with_jobs: bool, force: bool, **rest: Any
    ) -> None:
        if only_list:
            self._list(environment)
            return
        if environment is None:
            raise CommandError("Say which environment to load into: --environment NAME.")
        entries = [_entry(name) for name in names] or list(catalog().values())
        ensure_tables()
        with typing(), refusals_told():
            into = named_environment(environment)
            outcomes = [self._told(load_entry(into, entry, force=force, with_jobs=with_jobs)) for entry in entries]
        if any(Outcome.KEPT in of_entry for of_entry in outcomes):
            self.stderr.write("What was changed by hand was kept; --force overwrites it.")
            sys.exit(KEPT)

    def _list(self, environment: str | None) -> None:
        """What the catalogue has; with an existing environment, how it stands there."""
        into = None
        if environment is not None:
            ensure_tables()
            into = Environment.objects.filter(name=environment).first()
        states = {line.entry.name: WORDS[line.state] for line in shelf(into)} if into else {}
        width = max(map(len, states.values()), default=-2) + 2
        for entry in catalog().values():
            brings = ", ".join([f"{len(entry.resources)} resources", *entry.unified])
            self.stdout.write(f"{entry.name:10}{states.get(entry.name, ''):{width}}{brings}")

    def _told(self, parts: list[LoadedPart]) -> set[Outcome]:
        for part in parts:
            self.stdout.write(f"{part.outcome:9}  {part.name}")
        return {part.outcome for part in parts}


def _entry(name: str) -> CatalogEntry:
    """Raises CommandError for an unknown name, and for a file that can't be read or is wrong."""
    try:
        return parse_entry(Path(name).read_bytes()) if name.endswith((".yaml", ".yml")) else catalog_entry(name)
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}.") from error
    except InvalidInput as error:
        faults = [f"{fault.path or name}: {fault.message}" for fault in error.failures]
        raise CommandError("\n".join(faults)) from error
