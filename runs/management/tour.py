"""What the terminal shows while the demo runs: where to look, how to get in, and the first run."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from rich.console import Console

from runs.demo.installation import ADMIN, Demo
from runs.management.progress import RunProgress, last_lines
from runs.models import SyncJobRun

LOOK = 0.3  # seconds


@dataclass(frozen=True)
class Tour:
    """Waits for the web, starts the first run if there has never been one, and follows it to its end."""

    demo: Demo
    host: str
    port: int
    console: Console
    stopping: threading.Event

    def welcome(self, address: str) -> None:
        """Where to look, and how to get in. The password is readable at this moment only."""
        self.console.print(f"Open  {address}/")
        if self.demo.password:
            self.console.print(f"Login {ADMIN}, password {self.demo.password} (shown this once)", highlight=False)
        else:
            self.console.print("Login with the account of the first start; a new password: ", end="")
            self.console.print(f".venv/bin/python manage.py changepassword {ADMIN}", highlight=False)
        self.console.print("Ctrl-C ends everything.\n")

    def walk(self) -> None:
        try:
            while not web_answers(self.host, self.port):
                if self.stopping.wait(LOOK):
                    return
            run = self.demo.first_run()
            if run is None:
                self.console.print("Everything is up. The demo's first run was earlier; start the next on the page.")
            else:
                self._follow(run)
        finally:
            connection.close()

    def _follow(self, run: SyncJobRun) -> None:
        self.console.print(f"{run.sync_job} of {run.integrated_account}:", highlight=False)
        RunProgress(run.id, self.console).follow(lambda seconds: self.stopping.wait(seconds) or not _is_live(run.id))
        self.console.print(last_lines(SyncJobRun.objects.get(id=run.id)), highlight=False)


def web_answers(host: str, port: int) -> bool:
    web = http.client.HTTPConnection(host, port, timeout=2)
    try:
        web.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
        return web.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()


def _is_live(run_id: UUID) -> bool:
    return SyncJobRun.objects.live().filter(id=run_id).exists()
