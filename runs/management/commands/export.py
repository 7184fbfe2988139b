"""`manage.py export`: writes what `manage.py apply` reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.definition_files.kinds import Kind
from runs.definition_files.writing import document, files_of
from runs.management.commands.create_token import name_of
from runs.management.database import ensure_tables
from runs.management.refusals import refusals_told
from runs.models import Environment
from runs.services import exported

STANDARD_OUTPUT = "-"
BY_WORD = {
    "integrations": Kind.INTEGRATION,
    "mappings": Kind.MAPPING,
    "jobs": Kind.JOB,
    "webhooks": Kind.WEBHOOK,
    "schedules": Kind.SCHEDULE,
}


class Command(BaseCommand):
    help = (
        "Write the integrations, mappings, jobs, webhooks and schedules of an environment as YAML that `apply` reads. "
        "It holds no secret: one that a definition has is written as a reference such as ${CRM_TOKEN}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--environment", type=name_of(Environment), required=True, metavar="NAME")
        parser.add_argument(
            "--only", type=kinds, default=set(Kind), metavar="KINDS", help=f"Some of {','.join(BY_WORD)}."
        )
        parser.add_argument(
            "--output",
            default=STANDARD_OUTPUT,
            metavar="FOLDER",
            help="A file for each integration, and one for the webhooks, in this folder; else all on standard output.",
        )

    def handle(self, *, environment: str, only: set[Kind], output: str, **options: Any) -> None:
        ensure_tables()
        found = Environment.objects.filter(name=environment).first()
        if found is None:
            raise CommandError(f"There is no environment {environment}.")
        with refusals_told():
            objects = [one for one in exported(found) if one.kind in only]
        if output == STANDARD_OUTPUT:
            self.stdout.write(document(objects), ending="")
        else:
            self._write(Path(output), files_of(objects).items())

    def _write(self, folder: Path, files: Iterable[tuple[str, str]]) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files:
                (folder / name).write_text(text, encoding="utf-8")
                self.stdout.write(str(folder / name))
        except OSError as error:
            raise CommandError(f"{error.filename} can't be written: {error.strerror}.") from error


def kinds(text: str) -> set[Kind]:
    """An argparse type: words with commas between them."""
    words = [word.strip() for word in text.split(",")]
    unknown = [word for word in words if word not in BY_WORD]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not known; there are: {', '.join(BY_WORD)}")
    return {BY_WORD[word] for word in words}
