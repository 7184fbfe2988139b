"""An installation of its own for one row of the matrix: processes to start and to hurt, and ledgers to judge by."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from runs.addresses import any_free_port
from tests import factories, services
from tests.acceptance.deck import (
    Deck,
    Prepared,
    Template,
    client,
    embedded,
    embedded_environment,
    on_servers,
    web,
)
from tests.faults import witness
from tests.faults.ledgers import ARGUMENT, CANARIES, SourceLedger, of_the_source
from tests.faults.orders import Orders
from tests.own_servers import port_of
from tests.processes import PROJECT, Process, processes, wait_until
from tests.receiver import Receiver

PASSWORD = "pw-for-tests-1"
WATCHER = "watcher"
DEFAULT_GROUP = "default"
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.faults.settings"}
DRAIN = 90.0  # seconds until all runs have to be over, once nothing hurts them any more


@dataclass(frozen=True)
class Ground:
    """What installations on one kind of database are copied from. `template`: the name on the server; "": SQLite."""

    prepared: Prepared
    foreign_token: str
    template: str = ""


@dataclass
class Stage:
    """One installation under test. `foreign`: the API as another tenant sees it."""

    deck: Deck
    source: SourceLedger
    foreign: httpx2.Client
    orders: Orders
    planted: str = "-"
    receiver: Receiver | None = None
    integration: str = "geo"
    destination: dict[str, Any] = field(default_factory=dict)

    @property
    def is_on_servers(self) -> bool:
        return self.deck.database_url.startswith("postgres")

    def define(
        self, name: str = "geo", *, entries: list[dict[str, Any]] = factories.COUNTRIES_AND_CITIES, **over: Any
    ) -> None:
        """An integration, its account, in whose credentials the canaries are, and a job of these entries.

        `over` is laid over the description of the stage's source.
        """
        self.integration = name
        config = factories.integration_config(**of_the_source(self.source.url, **over))
        self.deck.post("/integration", {"name": name, "config": config})
        self.deck.account_id = self.account("acme")
        job = {"integration_name": name, "label": name, "resources": entries}
        self.deck.job_id = self.deck.post("/sync-job", job)["id"]

    def account(self, tenant: str) -> str:
        """The id of a new account. The source is told of its tenant with each request."""
        context = {**CANARIES, "tenant": tenant}
        body = {"integration_name": self.integration, "tenant_id": tenant, "context": context}
        return str(self.deck.post("/integrated-account", body)["id"])

    def webhook(self, receiver: Receiver) -> dict[str, Any]:
        """The destination of runs from now on: it is judged by what the receiver has got."""
        self.receiver = receiver
        webhook = self.deck.post("/webhook", {"target_url": receiver.url})
        self.destination = {"webhook_id": webhook["id"], "daemon_group_key": None}
        return webhook

    def create_run(self, **wishes: Any) -> str:
        return self.deck.create_run(**{"args": {"password": ARGUMENT}, **self.destination, **wishes})

    def daemon(self, *, pool: str = "threads", concurrency: int = 2, clock: float = 0, **environment: str) -> Process:
        """A daemon that obeys the orders; its clock goes wrong by so many seconds."""
        known = self.daemon_rows()
        groups = ",".join(dict.fromkeys((self.deck.group, DEFAULT_GROUP)))  # the second takes the runs of webhooks
        command = ("daemon", "--group", groups, "--concurrency", str(concurrency), "--pool", pool)
        armed = (str(self.orders.folder), self.planted, str(clock))
        process = self.deck.processes.start(
            sys.executable, "-m", "tests.faults.armed", *armed, *command, name="daemon", **SETTINGS, **environment
        )
        wait_until(
            lambda: self.daemon_rows() > known or process.popen.poll() is not None,  # its first sweep may be its last
            30,
            f"a daemon's row ({process.log_file})",
        )
        return process

    @contextmanager
    def web(self, planted: str, **environment: str) -> Iterator[httpx2.Client]:
        """Another web process, with a bug in it (`-`: none); the API there, as the other tenant sees it."""
        port = any_free_port()
        armed = (str(self.orders.folder), planted, "0")
        command = ("-m", "tests.faults.armed", *armed, "serve", "--port", str(port))
        self.deck.processes.start(sys.executable, *command, name="serve", **SETTINGS, **environment).says("Serving")
        with client(port, self.foreign.headers["Authorization"].removeprefix("Bearer ")) as foreign:
            yield foreign

    def daemon_rows(self) -> int:
        """However its clock goes, and whatever has become of it."""
        return int(self.deck.rows("SELECT count(*) FROM runs_daemon")[0][0])

    def executed(self, **wishes: Any) -> dict[str, Any]:
        """A new run, once it has ended."""
        return self.deck.ended(self.create_run(**wishes), DRAIN)

    def drained(self, run_ids: list[str], limit: float = DRAIN) -> dict[str, dict[str, Any]]:
        """The runs once all of them are final: nothing is judged before."""
        return {run_id: self.deck.ended(run_id, limit) for run_id in run_ids}

    def attempt(self, run_id: str) -> int:
        return int(self.deck.run(run_id)["attempt"])

    def carried_out(self, count: int = 1, limit: float = 40) -> None:
        """Wait until so many orders have been carried out."""
        wait_until(lambda: len(self.orders.carried_out()) >= count, limit, f"order {count} at its crash point")

    def silences(self, run_id: str) -> list[float]:
        """Seconds from each lost daemon's last sign of life to the takeover, by the database's clock."""
        told = "details ->> 'silent_since', created_at"
        of_run = run_id if self.is_on_servers else run_id.replace("-", "")
        rows = self.deck.rows(f"SELECT {told} FROM runs_runevent WHERE kind = 'worker_lost' AND run_id = '{of_run}'")
        return [(_moment(taken) - _moment(silent)).total_seconds() for silent, taken in rows]

    @contextmanager
    def browser(self) -> Iterator[httpx2.Client]:
        """A person who sees everything, logged in."""
        with httpx2.Client(base_url=self.deck.api.base_url, follow_redirects=True, timeout=20) as browser:
            browser.get("/login/")
            fields = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "username": WATCHER, "password": PASSWORD}
            assert browser.post("/login/", data=fields).url.path == "/"
            yield browser


def _moment(told: Any) -> datetime:
    moment = told if isinstance(told, datetime) else datetime.fromisoformat(told)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def embedded_ground(folder: Path) -> Ground:
    """Tables, static files, two tenants and a person who sees all, in a new folder."""
    folder.mkdir()
    return _settled(folder, {})


@contextmanager
def server_ground(folder: Path) -> Iterator[Ground]:
    """The same with its tables on the server, and a witness in them."""
    folder.mkdir()
    name = f"faults_{secrets.token_hex(4)}"
    with services.own_database(name) as url:
        found = _settled(folder, {"DATABASE_URL": url})
        with psycopg.connect(url) as server:
            for statement in witness.STATEMENTS:
                server.execute(statement)
        yield replace(found, template=name)


def _settled(folder: Path, servers: Mapping[str, str]) -> Ground:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    environment |= embedded_environment(folder, any_free_port()) | servers
    command = [sys.executable, "-m", "tests.faults.settle"]
    told = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    own, foreign = told.split()[-2:]
    return Ground(Prepared(folder, own), foreign)


@contextmanager
def staged(ground: Ground, folder: Path, source: SourceLedger) -> Iterator[Stage]:
    """An installation on this ground with nothing but its web process."""
    with _deck(ground, folder) as deck, client(port_of(str(deck.api.base_url)), ground.foreign_token) as foreign:
        yield Stage(deck, source, foreign, Orders(folder / "orders"))


def _deck(ground: Ground, folder: Path) -> AbstractContextManager[Deck]:
    if not ground.template:
        return embedded(ground.prepared, folder)
    return on_servers(ground.prepared, Template(ground.template, ground.prepared.token), folder)


@contextmanager
def staged_on(
    ground: Ground, folder: Path, source: SourceLedger, *, database: str = "", broker: str = ""
) -> Iterator[Stage]:
    """On servers of its own: a database that has been copied from the ground's template, a broker, or both."""
    shutil.copytree(ground.prepared.data_dir, folder)
    with services.own_database(f"faults_{secrets.token_hex(4)}", ground.template) as url, services.own_keys() as keys:
        port, name = any_free_port(), f"faults-{secrets.token_hex(4)}"
        servers = {"DATABASE_URL": database or url, "CELERY_BROKER_URL": broker or services.BROKER_URL}
        environment = embedded_environment(folder, port) | servers | {"BROKER_KEY_PREFIX": keys}
        with (
            processes(folder, environment) as started,
            web(started, port, ground.prepared.token) as api,
            client(port, ground.foreign_token) as foreign,
        ):
            deck = Deck(started, folder, servers["DATABASE_URL"], name, api)
            yield Stage(deck, source, foreign, Orders(folder / "orders"))
