"""`manage.py create_token`: opens an environment to a program."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.forms.models import fields_for_model

from runs.errors import InvalidInput
from runs.management.database import ensure_tables
from runs.management.typist import typing, who_types
from runs.models import ApiToken, Environment, Scope
from runs.services import create_environment, issue_token


class Command(BaseCommand):
    help = "Print a new API token of an environment, which is made if missing. It can't be read again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--environment", type=name_of(Environment), required=True, metavar="NAME")
        parser.add_argument(
            "--name",
            type=name_of(ApiToken),
            default="command line",
            help="What the token is for, as the settings show it.",
        )

        parser.add_argument("--read-only", action="store_true", help="It may look at everything and change nothing.")

    def handle(self, *, environment: str, name: str, read_only: bool, **options: Any) -> None:
        ensure_tables()
        scopes = [Scope.READ] if read_only else list(Scope)
        with typing():
            _, secret = issue_token(named_environment(environment), name=name, actor=who_types(), scopes=scopes)
        self.stdout.write(secret)


def named_environment(name: str) -> Environment:
    """The environment of this name, which is made if missing. Raises InvalidInput."""
    named = Environment.objects.filter(name=name)
    found = named.first()
    if found is not None:
        return found
    try:
        return create_environment(name)
    except InvalidInput:
        found = named.first()  # made by another process meanwhile
        if found is None:
            raise
        return found


def name_of(model: type[Environment | ApiToken]) -> Callable[[str], str]:
    """An argparse type: what a form takes as a name of this model, in length and characters."""
    field = fields_for_model(model, ["name"])["name"]

    def name(text: str) -> str:
        try:
            return str(field.clean(text))
        except ValidationError as error:
            raise argparse.ArgumentTypeError(" ".join(error.messages)) from error

    return name
