"""`manage.py demo`: everything up, with a sample API to sync from, and the first run under way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from runs.addresses import address_to_open, port_number, require_free
from runs.demo.installation import Demo, find_or_make
from runs.management.database import ensure_tables
from runs.management.locks import Held, locked_file
from runs.management.refusals import refusals_told
from runs.management.supervisor import Lost, Service, Supervisor
from runs.management.tour import Tour
from runs.management.typist import typing
from runs.management.whole import project_path, whole

CONCURRENCY = 4


class Command(BaseCommand):
    help = "Set up the demo, or find it as it was left, and run all of it until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        if not settings.ALLOW_PRIVATE_NETWORKS:
            raise CommandError(
                "The sample API is on this machine: set ALLOW_PRIVATE_NETWORKS=true, as `make demo` does."
            )
        with alone_in_folder(address_to_open(host, port)):
            self._show(host, port)

    def _show(self, host: str, port: int) -> None:
        require_free(host, port)
        ensure_tables()
        with typing(), refusals_told():
            demo = find_or_make(web_port=port)
        console, logs = Console(), settings.DATA_DIR / "logs"
        supervisor = Supervisor([*whole(host, port, CONCURRENCY), sample_api(demo)], console.print, logs)
        tour = Tour(demo, host, port, console, supervisor.stopping)
        tour.welcome(address_to_open(host, port))
        threading.Thread(target=tour.walk, name="tour", daemon=True).start()
        try:
            supervisor.run()
        except Lost as error:
            raise CommandError(f"{error} Its log is in {logs}.") from error
        console.print("All ended.")


@contextmanager
def alone_in_folder(address: str) -> Iterator[None]:
    """A second demo of the same folder would take the sample API's address from the first, and with it the accounts'
    tokens. Raises CommandError."""
    try:
        with locked_file(settings.DATA_DIR / "demo.lock", f"{address}/"):
            yield
    except Held as error:
        raise CommandError(f"A demo runs in {settings.DATA_DIR} already: {error}") from error


def sample_api(demo: Demo) -> Service:
    """The sample API as a process of its own, at the address and with the tokens that the demo's rows say."""
    command = (sys.executable, "-m", "runs.demo.sample_api", "--port", str(demo.sample_port))
    return Service("sample-api", command, {"SAMPLE_API_TOKENS": demo.sample_tokens(), "PYTHONPATH": project_path()})
