"""`manage.py create_token`: opens an environment to a program."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from runs.management.database import ensure_tables
from runs.models import Environment
from runs.services import issue_token


class Command(BaseCommand):
    help = "Print a new API token of an environment, which is made if missing. It can't be read again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--environment", required=True, metavar="NAME")
        parser.add_argument("--name", default="command line", help="What the token is for, as the admin shows it.")

    def handle(self, *, environment: str, name: str, **options: Any) -> None:
        ensure_tables()
        opened, _ = Environment.objects.get_or_create(name=environment)
        _, secret = issue_token(opened, name=name, actor="cli")
        self.stdout.write(secret)
