"""`manage.py check_account`: whether an account's connection works, by one real request."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from runs.management.refusals import refusals_told
from runs.management.targets import find_account
from runs.management.typist import typing
from runs.services import ConnectionTest, advice, check_connection

FAILED = 1


class Command(BaseCommand):
    help = "Ask the source once, with the account's credentials; nothing is stored. Exit status: 0 works, 1 does not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT", help="The integrated account's id or tenant id.")
        parser.add_argument("--environment", metavar="NAME", help="Where it is.")

    def handle(self, *, account: str, environment: str | None, **options: Any) -> None:
        with typing(), refusals_told():
            found = check_connection(find_account(account, environment=environment))
        self.stdout.write(_sentence(found))
        sys.exit(0 if found.is_well else FAILED)


def _sentence(found: ConnectionTest) -> str:
    if found.is_well:
        answer = f"{found.asked} answered {found.status_code} with {found.records} records"
        return f"It works: {answer} after {found.milliseconds} ms."
    asked = f"{found.asked}, after {found.milliseconds} ms: " if found.asked else ""
    return " ".join(filter(None, (f"It does not work. {asked}{found.error}", advice(found))))
