"""A backup is taken while a run is at work, everything is destroyed, and the page's own commands bring it back."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql
from werkzeug import Request

from runs.addresses import any_free_port
from tests import services
from tests.acceptance.deck import Deck, client, countries_then_cities, web
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import PROJECT, processes, wait_until
from tests.receiver import OK, Receiver, receiving
from tests.sources import Source, countries_and_cities, serving
from tests.upgrade.release import vendor_of

PAGE = PROJECT / "runs/ops/backup.md"
TOOLS = ("pg_dump", "pg_restore", "createdb", "vacuumdb")
WHOLE = {
    "countries": {"list": {"fetched": 120, "persisted": 120}},
    "cities": {"list": {"fetched": 240, "persisted": 240}},
}
TABLES = countries_and_cities(120, 2)
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # on which `python` is this one
KEYS = {"countries": "iso", "cities": "geonameid"}


def code_below(heading: str, number: int = 0) -> str:
    """Of the code below a heading of the page, the first or a later one."""
    _, found, below = PAGE.read_text().partition(f"# {heading}\n")
    assert found, heading
    return str(re.findall(r"^ *```sh\n(.*?)^ *```$", below, re.MULTILINE | re.DOTALL)[number])


@dataclass
class Trickle:
    """A source that takes its time after some requests, and after more of them holds them back."""

    gate: Gate
    quick: int
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    pause: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> None:
        if next(self.numbers) > self.quick:
            self.pause.wait(0.1)
        self.gate(request)


@dataclass
class Host:
    """Where the page's commands are typed, with its variables."""

    deck: Deck
    backup: Path
    restored_dir: Path
    name: str

    @property
    def is_sqlite(self) -> bool:
        return self.deck.database_url.startswith("sqlite:")

    @property
    def restored_url(self) -> str:
        if self.is_sqlite:
            return f"sqlite:///{self.restored_dir / 'syncdeck.sqlite3'}"
        return urlunsplit(urlsplit(self.deck.database_url)._replace(path=f"/{self.name}"))

    def environment(self) -> dict[str, str]:
        """That of the new installation, with the keys that were kept apart."""
        keys = {"SECRET_KEY": "secret_key", "CREDENTIALS_KEYS": "credentials_key"}
        kept = {name: (self.deck.data_dir / file).read_text() for name, file in keys.items()}
        places = {"DATA_DIR": str(self.restored_dir), "DATABASE_URL": self.restored_url}
        return {**self.deck.processes.environment, **kept, **places}

    def type_in(self, code: str, environment: Mapping[str, str]) -> None:
        variables = {"BACKUP": str(self.backup), "NAME": self.name}
        variables |= {"SERVER_URL": services.DATABASE_URL, "RESTORED_URL": self.restored_url}
        whole = self.deck.processes.whole_environment({**environment, **variables, "PATH": PATH})
        done = subprocess.run(["sh", "-euc", code], cwd=PROJECT, env=whole, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"

    def back_up(self) -> None:
        self.type_in(code_below("SQLite" if self.is_sqlite else "PostgreSQL"), self.deck.processes.environment)

    def destroy(self) -> None:
        """All but the backup and the keys."""
        self.deck.processes.end()
        if self.is_sqlite:
            for file in self.deck.data_dir.glob("syncdeck.sqlite3*"):
                file.unlink()
            shutil.rmtree(self.deck.data_dir / "broker")
        else:
            drop(urlsplit(self.deck.database_url).path.strip("/"))

    def lay_static_files(self, folder: Path) -> None:
        """Into a new folder: a web process takes ten seconds to collect them."""
        shutil.copytree(self.deck.data_dir / "static", folder / "static")
        shutil.copy(self.deck.data_dir / "static.sources", folder)

    def restore(self) -> None:
        environment = self.environment()
        self.lay_static_files(self.restored_dir)
        for name in ("syncdeck.sqlite3", "syncdeck.sqlite3-wal", "syncdeck.sqlite3-shm"):
            (self.restored_dir / name).write_bytes(b"what is left of the one that is given up")
        self.type_in(code_below("Into SQLite" if self.is_sqlite else "Into PostgreSQL"), environment)
        self.type_in(code_below("Restore"), environment)


PARTS = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master",
    "postgresql": """
        SELECT relkind::text, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT contype::text, conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal""",
}


def parts_of(deck: Deck) -> Counter[tuple[Any, ...]]:
    """Tables, indexes, rules and triggers. PostgreSQL writes the conditions of some rules in another way afterwards."""
    return Counter(deck.rows(PARTS[vendor_of(deck.database_url)]))


def drop(database: str) -> None:
    with psycopg.connect(services.DATABASE_URL, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def lacking() -> str:
    """What keeps this machine from running the page's commands for PostgreSQL; empty if nothing does."""
    if absent := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"PostgreSQL's {', '.join(absent)} are not on this machine"
    told = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    own = int(re.findall(r"\d+", told)[0])
    with psycopg.connect(services.DATABASE_URL) as server:
        theirs = server.info.server_version // 10_000
    return f"this machine's pg_dump is of version {own}, and the server's is {theirs}" if own < theirs else ""


@pytest.fixture
def host(any_deck: Deck, tmp_path: Path) -> Iterator[Host]:
    if vendor_of(any_deck.database_url) == "postgresql" and (reason := lacking()):
        pytest.skip(reason)
    found = Host(any_deck, tmp_path / "a.backup", tmp_path / "restored", f"restored_{secrets.token_hex(4)}")
    yield found
    if not found.is_sqlite:
        drop(found.name)


@pytest.fixture
def source(any_deck: Deck) -> Iterator[Source]:
    with serving(TABLES) as found:
        any_deck.define(countries_then_cities(found.url, concurrency=4), COUNTRIES_AND_CITIES)
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@contextmanager
def started_again(host: Host) -> Iterator[Deck]:
    """The web process of the restored installation."""
    port = any_free_port()
    token = host.deck.api.headers["Authorization"].removeprefix("Bearer ")
    environment = host.environment() | {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with processes(host.restored_dir, environment) as started, web(started, port, token) as api:
        yield replace(host.deck, processes=started, data_dir=host.restored_dir, database_url=host.restored_url, api=api)


def test_what_was_backed_up_comes_back_and_what_was_going_on_goes_on(
    host: Host, source: Source, receiver: Receiver
) -> None:
    deck = host.deck
    released = threading.Event()
    receiver.answer = lambda received: (released.wait(30), OK)[1]
    finished = deck.create_run()
    daemon = deck.daemon(",".join(dict.fromkeys((deck.group, "default"))))
    finished_as = deck.ended(finished)
    deck.post("/webhook", {"target_url": receiver.url, "event_types": ["sync_job_run:created"]})
    gate = Gate(answered=100)
    source.before = Trickle(gate, quick=20)
    live = deck.create_run(ignore_previous_run=True)
    wait_until(lambda: deck.run(live)["resource_stats"]["cities"]["list"]["persisted"], 30, "stored cities")

    host.back_up()
    parts = parts_of(deck)
    released.set()
    wait_until(receiver.accepted, 30, "the event that was on its way")
    afterwards = deck.create_run(args={"of": "after the backup"})
    daemon.kill()
    host.destroy()
    gate.open()
    host.restore()
    served, source.before = len(source.served), None

    with started_again(host) as restored:
        assert parts_of(restored) == parts
        assert restored.run(finished) == finished_as
        assert restored.api.get(f"/sync-job-run/{afterwards}").status_code == 404
        as_it_was = restored.run(live)
        assert as_it_was["status"] == "running"
        assert 0 < as_it_was["resource_stats"]["cities"]["list"]["persisted"] < 240
        the_audit_list_is_only_added_to(restored)

        restored.daemon(",".join(dict.fromkeys((deck.group, "default"))))
        restored.scheduler()
        run = restored.ended(live)
        assert (run["status"], run["attempt"], run["resource_stats"]) == ("completed", 2, WHOLE)
        assert run["started_at"] == as_it_was["started_at"]
        assert in_the_store(restored) == in_the_source()
        assert {request.headers["Authorization"] for request in source.served[served:]} == {"Bearer t0k3n"}
        wait_until(lambda: len(receiver.accepted()) > 1, 30, "the event once more")
        assert [len(bodies) for bodies in receiver.bodies().values()] == [1]

        host.type_in(code_below("Restore", 1), {**host.environment(), **restored.processes.environment})
        other_keys = restored.processes.run("doctor", CREDENTIALS_KEYS=Fernet.generate_key().decode())
        assert other_keys.returncode == 1
        assert re.search(f"No key decrypts .*{deck.account_id}", other_keys.stdout), other_keys.stdout


def the_audit_list_is_only_added_to(deck: Deck) -> None:
    for statement in ("UPDATE runs_auditentry SET actor = 'nobody'", "DELETE FROM runs_auditentry"):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RestrictViolation), match="neither changed nor"):
            deck.change(statement)


def in_the_store(deck: Deck) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    for row in deck.get("/record?limit=1000")["result"]:
        found[row["resource"]][row["record_id"]] = row["data"]
    return found


def in_the_source() -> dict[str, dict[str, Any]]:
    return {name: {str(row[KEYS[name]]): row for row in rows} for name, rows in TABLES.items()}


def test_a_copy_to_look_at_asks_nobody(host: Host, source: Source, receiver: Receiver) -> None:
    deck = host.deck
    daemon = deck.daemon()
    finished = deck.ended(deck.create_run())
    daemon.end()
    webhook = deck.post("/webhook", {"target_url": receiver.url})
    waiting = deck.create_run(args={"of": "later"}, daemon_group_key=deck.groups[1])
    host.back_up()
    host.restore()
    served, port, folder = len(source.served), any_free_port(), host.restored_dir / "look"
    host.lay_static_files(folder)

    look = {**host.environment(), "LOOK_DIR": str(folder), "PORT": str(port)}
    look |= {"RESTORED_URL": host.restored_url, "PATH": PATH}
    with processes(host.restored_dir, look) as started:
        started.start("sh", "-euc", code_below("A copy to look at"), name="look").says("Serving")
        with client(port, deck.api.headers["Authorization"].removeprefix("Bearer ")) as api:
            assert api.get(f"/sync-job-run/{finished['id']}").json() == finished
            assert api.get("/integrated-account").json()["result"][0]["id"] == deck.account_id
            for pressed in (f"/integrated-account/{deck.account_id}/test", f"/sync-job-run/{finished['id']}/rerun"):
                assert not api.post(pressed, json={}).is_success
            assert not api.post("/webhook/test", json={"id": webhook["id"]}).is_success
            assert not api.get(f"/proxy/countries?integrated_account_id={deck.account_id}").is_success
    assert len(source.served) == served
    assert receiver.arrived == []
    assert deck.run(waiting)["status"] == "created"
