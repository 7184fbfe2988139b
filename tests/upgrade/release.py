"""What a released version has left: its database as SQL, and what is known of it. Made by `tests.upgrade.make`."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.deck import Deck

HERE = Path(__file__).parent
# Stand in the SQL for the addresses of source and receiver, which differ from one test to the next.
SOURCE, RECEIVER = "http://source.example", "http://receiver.example"
PERSON, FIRST_WORD = "ada", "pw-for-tests-1"
# Keys of nothing but the data here, made of words.
KEYS = {
    "SECRET_KEY": "only for the data of the upgrade tests, " * 2,
    "CREDENTIALS_KEYS": base64.urlsafe_b64encode(hashlib.sha256(b"the upgrade tests").digest()).decode(),
}
OPENS = "for-the-upgrade-tests-alone"  # the token of the API


@dataclass(frozen=True)
class Facts:
    """What its own processes told of a database. `runs`: what the API answered, by what had become of each."""

    commit: str
    migrations: dict[str, str]  # the last one of each app
    job_id: str
    accounts: dict[str, str]
    webhook_id: str
    trigger_id: str
    delivery_id: str
    runs: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Release:
    """The folder of a version. `vendor` is that of the database, `sqlite` or `postgresql`."""

    version: str

    def facts(self, vendor: str) -> Facts:
        return Facts(**json.loads(self._file(vendor, "json").read_text()))

    def keep(self, vendor: str, statements: str, facts: Facts, instead: Mapping[str, str]) -> None:
        """Write the files, with what is this machine's replaced."""
        told = json.dumps(asdict(facts), indent=1, sort_keys=True) + "\n"
        for kind, text in {"sql": statements, "json": told}.items():
            for here, there in instead.items():
                text = text.replace(here, there)
            self._file(vendor, kind).parent.mkdir(exist_ok=True)
            self._file(vendor, kind).write_text(text)

    def load(self, url: str, source: str, receiver: str) -> Facts:
        """Fill the empty database of the URL, with these addresses in it."""
        vendor = vendor_of(url)
        statements = self._file(vendor, "sql").read_text().replace(SOURCE, source).replace(RECEIVER, receiver)
        if vendor == "sqlite":
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
                database.executescript(statements)
        else:
            with psycopg.connect(url) as server:
                server.execute(statements.encode())
        return self.facts(vendor)

    def _file(self, vendor: str, kind: str) -> Path:
        return HERE / self.version / f"{vendor}.{kind}"


def tables_of(deck: Deck) -> list[str]:
    """All that a database has, in their order."""
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    }
    return [name for (name,) in deck.rows(names[vendor_of(deck.database_url)])]


def vendor_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite:") else "postgresql"


def _by_number(release: Release) -> tuple[int, ...]:
    return tuple(map(int, release.version.split(".")))


RELEASES = sorted((Release(file.parent.name) for file in HERE.glob("*/sqlite.json")), key=_by_number)
