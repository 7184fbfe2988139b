"""`manage.py apply`: brings an environment to what files say, after a look at what that changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs import plain_yaml
from runs.definition_files.reading import DefinedObject, FaultyFiles, read_files
from runs.errors import ChangedMeanwhile
from runs.management.commands.create_token import name_of
from runs.management.database import ensure_tables
from runs.management.typist import typing
from runs.models import Environment
from runs.plain_yaml import MAX_BYTES
from runs.services import Application, AppliedPart, Outcome, apply_definitions, look_at
from runs.text_diff import DiffLine, diff_lines
from runs.words import counted, harmless

PENDING = 2  # there are changes, and they were not made
SIGNS = {Outcome.CREATED: "+", Outcome.UPDATED: "~"}


class Command(BaseCommand):
    help = (
        "Bring integrations, mappings, jobs, webhooks and schedules to what YAML files say: all of it or nothing. "
        "Shows what changes, and asks. What the files don't name stays as it is. "
        "Exit status: 0 all is as the files say, 1 the files are refused, 2 there are changes that were not made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="A YAML file, or a folder of them.")
        parser.add_argument("--environment", type=name_of(Environment), required=True, metavar="NAME")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--dry-run", action="store_true", help="Only show what would change.")
        how.add_argument("--yes", action="store_true", help="Don't ask.")

    def handle(self, *, files: list[Path], environment: str, dry_run: bool, yes: bool, **options: Any) -> None:
        texts = dict(_texts(files))
        ensure_tables()
        try:
            objects = read_files(texts)
            with typing():
                seen = look_at(environment, objects, os.environ)
                self._show(seen)
                if self._is_to_be_done(seen, dry_run=dry_run, yes=yes):
                    self._apply(environment, objects, seen)
        except FaultyFiles as error:
            raise CommandError(f"{error}\n{counted(len(error.faults), 'fault')}: nothing was done.") from error
        except ChangedMeanwhile as error:
            raise CommandError(f"{error} Nothing was done.") from error

    def _is_to_be_done(self, seen: Application, *, dry_run: bool, yes: bool) -> bool:
        """Whether there is anything to do, and somebody wants it. Exits where it is not to be done."""
        if not seen.changes and not seen.makes_environment:
            return False
        if not dry_run and not yes and not sys.stdin.isatty():
            self.stderr.write("Nothing was done: there is no terminal to ask on, and no --yes.")
        if dry_run or not (yes or _agreed()):
            sys.exit(PENDING)
        return True

    def _apply(self, environment: str, objects: list[DefinedObject], seen: Application) -> None:
        done = apply_definitions(environment, objects, os.environ, seen=seen)
        self.stdout.write("Done.")
        for title, secret in done.secrets.items():
            self.stdout.write(f"The signing secret of {harmless(title)}, which is not shown again: {secret}")

    def _show(self, seen: Application) -> None:
        if seen.makes_environment:
            self.stdout.write(self.style.SUCCESS(f"+ environment {harmless(seen.environment)}"))
        for part in seen.changes:
            self._show_part(part)
        counts = {outcome: sum(part.outcome == outcome for part in seen.parts) for outcome in Outcome}
        if not seen.changes and not seen.makes_environment:
            self.stdout.write("Nothing to change.")
        else:
            made, changed = counts[Outcome.CREATED], counts[Outcome.UPDATED]
            self.stdout.write(f"{made} to create, {changed} to change, {counts[Outcome.UNCHANGED]} unchanged.")
        if seen.others:
            self.stdout.write(f"In the environment and in none of the files, left as they are: {seen.others}.")

    def _show_part(self, part: AppliedPart) -> None:
        style = self.style.SUCCESS if part.outcome is Outcome.CREATED else self.style.WARNING
        self.stdout.write(style(f"{SIGNS[part.outcome]} {harmless(part.title)}"))
        lines = diff_lines("" if part.before is None else plain_yaml.dump(dict(part.before)), _text(part.after))
        for line in [DiffLine("gap", "")] if lines is None else lines:
            self._show_line(line)

    def _show_line(self, line: DiffLine) -> None:
        styles = {"added": self.style.SUCCESS, "removed": self.style.ERROR}
        sign = {"added": "+", "removed": "-"}.get(line.kind, " ")
        text = "…" if line.kind == "gap" else line.text
        self.stdout.write(styles.get(line.kind, str)(f"    {sign} {text}".rstrip()))


def _text(values: Mapping[str, Any]) -> str:
    return plain_yaml.dump(dict(values))


def _texts(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Each file with its text; of a folder those that end in .yaml or .yml. Raises CommandError."""
    for given in files:
        found = sorted(path for path in given.iterdir() if _is_yaml(path)) if given.is_dir() else [given]
        if not found:
            raise CommandError(f"{given} has no file that ends in .yaml or .yml.")
        for path in found:
            try:
                with path.open("rb") as opened:
                    yield str(path), opened.read(MAX_BYTES + 1)  # one more than is taken, so that it is refused
            except OSError as error:
                raise CommandError(f"{path} can't be read: {error.strerror}.") from error


def _is_yaml(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml") and path.is_file()


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return input("Make these changes? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
