"""What an earlier version has left, in a database of its own, with its source and its receiver."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from runs.addresses import any_free_port
from tests import services
from tests.acceptance.deck import Deck, Prepared, client, embedded_environment
from tests.processes import Processes, processes
from tests.receiver import Receiver, receiving
from tests.sources import Source, serving
from tests.upgrade.release import KEYS, OPENS, RELEASES, Facts, Release
from tests.upgrade.story import TABLES

# The data are of the day on which they were made; its live runs are to be of today.
OF_TODAY = "UPDATE runs_syncjobrun SET started_at = CURRENT_TIMESTAMP WHERE status = 'running'"


@dataclass(frozen=True)
class Left:
    """An installation as the version has left it: no process runs, and nothing is migrated."""

    release: Release
    facts: Facts
    processes: Processes
    url: str
    port: int
    source: Source
    receiver: Receiver

    @contextmanager
    def deck(self) -> Iterator[Deck]:
        """To look into it, whether or not there is a web process."""
        with client(self.port, OPENS) as api:
            yield Deck(self.processes, self.processes.folder, self.url, "default", api)

    def migrate(self) -> None:
        done = self.processes.run("migrate")
        assert done.returncode == 0, done.stderr

    @contextmanager
    def at_work(self) -> Iterator[Deck]:
        """With web, a daemon and a scheduler, of this version, one by one."""
        self.processes.manage("serve", "--port", str(self.port)).says("Serving")
        with self.deck() as deck:
            deck.daemon()
            deck.scheduler()
            yield deck

    @contextmanager
    def brought_up(self) -> Iterator[Deck]:
        self.processes.manage("up", "--port", str(self.port)).says("Serving", limit=60)
        with self.deck() as deck:
            yield deck


@pytest.fixture(params=RELEASES, ids=lambda release: release.version)
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


@pytest.fixture
def on_sqlite(release: Release, prepared: Prepared, tmp_path: Path) -> Iterator[Left]:
    data_dir = folder_in(tmp_path, prepared)
    with left(release, data_dir, f"sqlite:///{data_dir / 'syncdeck.sqlite3'}", {}) as found:
        yield found


@pytest.fixture
def on_postgresql(release: Release, prepared: Prepared, tmp_path: Path) -> Iterator[Left]:
    if lacking := services.lacking():
        pytest.skip(f"No answer from {' and '.join(lacking)}")
    with services.own_database(f"upgrade_{secrets.token_hex(4)}") as url, services.own_keys() as prefix:
        broker = {"CELERY_BROKER_URL": services.BROKER_URL, "BROKER_KEY_PREFIX": prefix}
        with left(release, folder_in(tmp_path, prepared), url, broker) as found:
            yield found


@pytest.fixture(params=["on_sqlite", "on_postgresql"], ids=["SQLite", "PostgreSQL"])
def on_either(request: pytest.FixtureRequest, release: Release) -> Left:
    found: Left = request.getfixturevalue(request.param)
    return found


def folder_in(folder: Path, prepared: Prepared) -> Path:
    """A new one, with the static files of this version: to collect them takes its web process ten seconds."""
    data_dir = folder / "data"
    shutil.copytree(prepared.data_dir / "static", data_dir / "static")
    shutil.copy(prepared.data_dir / "static.sources", data_dir)
    return data_dir


@contextmanager
def left(release: Release, data_dir: Path, url: str, broker: dict[str, str]) -> Iterator[Left]:
    with serving(TABLES) as source, receiving() as receiver:
        facts = release.load(url, source.url, receiver.url.removesuffix("/hook"))
        port = any_free_port()
        environment = embedded_environment(data_dir, port) | KEYS | broker | {"DATABASE_URL": url}
        with processes(data_dir, environment) as started:
            found = Left(release, facts, started, url, port, source, receiver)
            with found.deck() as deck:
                deck.change(OF_TODAY)
            yield found
