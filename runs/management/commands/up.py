"""`manage.py up`: all of it in one process group."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.addresses import port_number, require_free
from runs.management.database import ensure_tables
from runs.management.supervisor import Lost, Supervisor
from runs.management.telling import tell
from runs.management.whole import whole


class Command(BaseCommand):
    help = "Run web, one daemon of group default, and the scheduler; SIGTERM or Ctrl-C ends all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)
        parser.add_argument("--concurrency", type=int, default=4, help="Runs worked on at the same time.")

    def handle(self, *, host: str, port: int, concurrency: int, **options: Any) -> None:
        require_free(host, port)
        ensure_tables()
        try:
            Supervisor(whole(host, port, concurrency), partial(tell, self)).run()
        except Lost as error:
            raise CommandError(str(error)) from error
