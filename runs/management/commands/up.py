"""`manage.py up`: all of it in one process group."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.addresses import address_to_open, port_number, require_free
from runs.management.database import ensure_tables
from runs.management.supervisor import Lost, Supervisor
from runs.management.telling import tell
from runs.management.tour import LOOK, web_answers
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
        supervisor = Supervisor(whole(host, port, concurrency), partial(tell, self))
        told = partial(self._tell_when_up, host, port, supervisor.stopping)
        threading.Thread(target=told, name="welcome", daemon=True).start()
        try:
            supervisor.run()
        except Lost as error:
            raise CommandError(str(error)) from error

    def _tell_when_up(self, host: str, port: int, stopping: threading.Event) -> None:
        while not web_answers(host, port):
            if stopping.wait(LOOK):
                return
        tell(self, f"Open {address_to_open(host, port)}/ — Ctrl-C ends everything.")
