"""People before an installation: a browser for each, over real sockets, and the rows that they might ask for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from werkzeug import Response

from tests.dashboard.routes import Rank, address_of
from tests.faults.belongings import STRANGER
from tests.faults.ledgers import ledger
from tests.faults.stage import PASSWORD, WATCHER, Ground, Stage, staged
from tests.processes import PROJECT

NAMES = {
    Rank.CUSTOMER: "customer",
    Rank.VIEWER: "viewer",
    Rank.OPERATOR: "operator",
    Rank.ADMIN: "admin",
    Rank.SUPERUSER: WATCHER,
}


@dataclass
class Person:
    """A browser, logged in or not. It sends what the pages' own scripts would send against forgery."""

    browser: httpx2.Client

    def ask(self, method: str, address: str, data: Any = None, **headers: str) -> httpx2.Response:
        token = self.browser.cookies.get("csrftoken", "")
        sent = {"X-CSRFToken": token, "Origin": str(self.browser.base_url).rstrip("/"), **headers}
        return self.browser.request(method, address, data=data, headers=sent)

    def get(self, address: str, **headers: str) -> httpx2.Response:
        return self.ask("GET", address, **headers)

    def post(self, address: str, data: Any = None, **headers: str) -> httpx2.Response:
        return self.ask("POST", address, data or {}, **headers)


@dataclass
class Doors:
    """`ids`: a row of the tenant for each noun of a route."""

    stage: Stage
    ids: dict[str, Any]
    people: dict[Rank, Person]
    stranger: Person
    opened: ExitStack = field(repr=False)

    def somebody(self, name: str = "", source_address: str = "127.0.0.1") -> Person:
        """With this name, logged in; nobody without one."""
        transport = httpx2.HTTPTransport(local_address=source_address)
        base = str(self.stage.deck.api.base_url)
        browser = self.opened.enter_context(httpx2.Client(base_url=base, timeout=30, transport=transport))
        person = Person(browser)
        person.get("/login/")
        if name:
            login = person.post("/login/", {"username": name, "password": PASSWORD})
            assert login.status_code == 302, login.text
        return person

    def address(self, route: str) -> str:
        return address_of(route, **self.ids)


@contextmanager
def doors_of(stage: Stage) -> Iterator[Doors]:
    """With a run that has failed, one that has completed, and a person of each rank."""
    failing = stage.source.before
    stage.daemon()
    stage.executed()
    stage.source.before = lambda request: _not_found()
    stage.executed(error_handling="fail_fast", ignore_previous_run=True, args={"n": 1})
    stage.source.before = failing
    command = [sys.executable, "-m", "tests.faults.belongings", stage.deck.job_id, stage.deck.account_id]
    environment = dict(stage.deck.processes.whole_environment())
    told = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    ids = json.loads(told.splitlines()[-1])
    with ExitStack() as opened:
        doors = Doors(stage, ids, {}, Person(httpx2.Client()), opened)
        doors.people = {Rank.ANYBODY: doors.somebody()} | {rank: doors.somebody(name) for rank, name in NAMES.items()}
        doors.stranger = doors.somebody(STRANGER)
        yield doors


@contextmanager
def installed(ground: Ground, folder: Path) -> Iterator[Doors]:
    """An installation for rows that leave it as it was."""
    with ledger() as source, staged(ground, folder / "data", source) as stage:
        stage.define()
        with doors_of(stage) as doors:
            yield doors


def _not_found() -> Response:
    return Response("no", 404)
