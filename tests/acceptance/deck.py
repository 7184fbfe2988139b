"""An installation of Syncdeck as its users have it: processes, an HTTP API, a database to look into."""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from runs.addresses import any_free_port
from tests import factories, services
from tests.processes import Process, Processes, processes, wait_until

TENANT = "acme"
JOB = "Countries and cities"
SECOND = "-2"
FINAL = ("completed", "failed", "stopped")


@dataclass
class Deck:
    """One installation. Its daemons serve a group, which on the servers has a name of its own."""

    processes: Processes
    data_dir: Path
    database_url: str
    group: str
    api: httpx2.Client

    @property
    def groups(self) -> list[str]:
        """Two of them, for runs that need a daemon each: a busy daemon of one group may take the second message too."""
        return [self.group, f"{self.group}{SECOND}"]

    def daemon(self, group: str = "", *, concurrency: int = 2, **environment: str) -> Process:
        """A daemon that takes work, of the installation's group unless another is named."""
        known = self.daemon_count()
        options = ("--group", group or self.group, "--concurrency", str(concurrency))
        started = self.processes.manage("daemon", *options, **environment)
        wait_until(lambda: self.daemon_count() > known, 30, f"a daemon's row ({started.log_file})")
        return started

    def scheduler(self, name: str = "beat") -> Process:
        """A scheduler at work; several need names of their own for the files that they keep."""
        own_files = ("--schedule", str(self.data_dir / name), "--pidfile=")
        started = self.processes.start(sys.executable, "-m", "celery", "-A", "dashboard", "beat", *own_files, name=name)
        started.says("beat: Starting")
        return started

    def daemon_count(self) -> int:
        return len(self.rows("SELECT id FROM runs_daemon WHERE status = 'active'"))

    def define(self, config: dict[str, Any], resources: list[dict[str, Any]]) -> None:
        """The integration, its one account and its one job."""
        self.post("/integration", {"name": "geo", "config": config})
        account = {"integration_name": "geo", "tenant_id": TENANT, "context": {"token": "t0k3n"}}
        self.account_id = self.post("/integrated-account", account)["id"]
        job = {"integration_name": "geo", "label": JOB, "resources": resources}
        self.job_id = self.post("/sync-job", job)["id"]

    def create_run(self, **wishes: Any) -> str:
        """The new run's id."""
        target = {"sync_job_id": self.job_id, "integrated_account_id": self.account_id, "daemon_group_key": self.group}
        run_id: str = self.post("/sync-job-run", {**target, **wishes})["id"]
        return run_id

    def run(self, run_id: str) -> dict[str, Any]:
        return self.get(f"/sync-job-run/{run_id}")

    def ended(self, run_id: str, limit: float = 60.0) -> dict[str, Any]:
        """The run, once it is final."""
        return wait_until(lambda: self._if_final(run_id), limit, f"an end of run {run_id}: {self.run(run_id)}")

    def get(self, path: str) -> dict[str, Any]:
        return self._answer(self.api.get(path))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._answer(self.api.post(path, json=body))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database holds, past all of our own code."""
        if self.database_url.startswith("sqlite:///"):
            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"))) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.database_url) as server:
            return server.execute(query).fetchall()

    def change(self, statement: str) -> None:
        """Change what the database holds, past all of our own code."""
        if self.database_url.startswith("sqlite:///"):
            with (
                closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=20)) as database,
                database,
            ):
                database.execute(statement)
        else:
            with psycopg.connect(self.database_url) as server:
                server.execute(statement)

    def stored(self) -> dict[str, int]:
        """Records in the store, by resource."""
        return dict(self.rows("SELECT resource, count(DISTINCT record_id) FROM runs_record GROUP BY resource"))

    def _if_final(self, run_id: str) -> dict[str, Any] | None:
        run = self.run(run_id)
        return run if run["status"] in FINAL else None

    @staticmethod
    def _answer(response: httpx2.Response) -> dict[str, Any]:
        assert response.is_success, f"{response.request.url}: {response.status_code} {response.text}"
        body: dict[str, Any] = json.loads(response.text)
        return body


@dataclass(frozen=True)
class Prepared:
    """A data directory that a first start has filled."""

    data_dir: Path
    token: str


def prepared_once(folder: Path) -> Prepared:
    """The same for all who share the folder: who comes first makes it, the others wait for it."""
    data_dir, token = folder / "prepared", folder / "prepared-token"
    with (folder / "prepared-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not token.exists():
            shutil.rmtree(data_dir, ignore_errors=True)  # of somebody who has failed
            token.write_text(_prepare(data_dir))
    return Prepared(data_dir, token.read_text())


def _prepare(data_dir: Path) -> str:
    """The token."""
    data_dir.mkdir()
    port = any_free_port()
    with processes(data_dir, embedded_environment(data_dir, port)) as started:
        token = create_token(started)
        with web(started, port, token):
            return token


def create_token(started: Processes) -> str:
    made = started.run("create_token", "--environment", "Acceptance")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@contextmanager
def embedded(prepared: Prepared, data_dir: Path, **settings: str) -> Iterator[Deck]:
    """On SQLite and the filesystem broker."""
    shutil.copytree(prepared.data_dir, data_dir)
    port = any_free_port()
    with (
        processes(data_dir, embedded_environment(data_dir, port) | settings) as started,
        web(started, port, prepared.token) as api,
    ):
        yield Deck(started, data_dir, started.environment["DATABASE_URL"], "default", api)


@contextmanager
def brought_up(prepared: Prepared, data_dir: Path, **settings: str) -> Iterator[Deck]:
    """All of it by `manage.py up`, on SQLite and the filesystem broker."""
    shutil.copytree(prepared.data_dir, data_dir)
    port = any_free_port()
    with processes(data_dir, embedded_environment(data_dir, port) | settings) as started:
        started.manage("up", "--port", str(port)).says("Serving")
        with client(port, prepared.token) as api:
            yield Deck(started, data_dir, started.environment["DATABASE_URL"], "default", api)


@dataclass(frozen=True)
class Template:
    """A database on the server with tables and a token."""

    name: str
    token: str


@contextmanager
def template_on_server(prepared: Prepared) -> Iterator[Template]:
    name = f"acceptance_{secrets.token_hex(4)}"
    with services.own_database(name) as url:
        environment = embedded_environment(prepared.data_dir, any_free_port()) | {"DATABASE_URL": url}
        with processes(prepared.data_dir, environment) as started:
            token = create_token(started)
        yield Template(name, token)


@contextmanager
def on_servers(prepared: Prepared, template: Template, data_dir: Path) -> Iterator[Deck]:
    """On PostgreSQL and Redis."""
    shutil.copytree(prepared.data_dir, data_dir)
    port, group = any_free_port(), f"acceptance-{secrets.token_hex(4)}"
    with services.own_database(group.replace("-", "_"), template.name) as url, services.own_keys() as prefix:
        servers = {"DATABASE_URL": url, "CELERY_BROKER_URL": services.BROKER_URL, "BROKER_KEY_PREFIX": prefix}
        with (
            processes(data_dir, embedded_environment(data_dir, port) | servers) as started,
            web(started, port, template.token) as api,
        ):
            yield Deck(started, data_dir, url, group, api)


@contextmanager
def web(started: Processes, port: int, token: str) -> Iterator[httpx2.Client]:
    """A web process, and a client of its API."""
    started.manage("serve", "--port", str(port)).says("Serving")
    with client(port, token) as api:
        yield api


def client(port: int, token: str, host: str = "127.0.0.1") -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=f"http://{host}:{port}", headers=headers, timeout=20)


def embedded_environment(folder: Path, port: int) -> dict[str, str]:
    """The settings of an installation that needs nothing but a folder, and notices a lost daemon soon."""
    return {
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'syncdeck.sqlite3'}",
        "CELERY_BROKER_URL": "filesystem://",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOW_PRIVATE_NETWORKS": "true",
        "LEASE_SECONDS": "3",
        "SWEEP_SECONDS": "1",
    }


def countries_then_cities(url: str, **over: Any) -> dict[str, Any]:
    """The description of a source made by `tests.sources`."""
    return {**factories.integration_config(url), **over}
