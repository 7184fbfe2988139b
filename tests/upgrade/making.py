"""Makes the files of a version, by its own processes."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from runs.addresses import any_free_port
from tests import services
from tests.acceptance.deck import Deck, create_token, embedded_environment, web
from tests.processes import processes
from tests.receiver import receiving
from tests.sources import serving
from tests.upgrade import history
from tests.upgrade.release import KEYS, OPENS, RECEIVER, SOURCE, Release, tables_of
from tests.upgrade.story import TABLES, Story

ONLY_FOR_PSQL = re.compile(r"^\\.*\n", re.MULTILINE)
# Nothing of these is ours, and nothing of it outlives a login.
MAY_BE_EMPTY = {"django_admin_log", "runs_user_user_permissions", "axes_accessattemptexpiration"}
MAY_BE_EMPTY |= {"axes_accessfailurelog", "axes_accessattempt", "axes_accesslog", "django_session"}
PLANT = "UPDATE runs_apitoken SET digest = '{}', prefix = '{}'"


def make(version: str, commit: str) -> None:
    """Both databases of the version whose code the commit is."""
    if lacking := services.lacking():
        sys.exit(f"No answer from {' and '.join(lacking)}.")
    with tempfile.TemporaryDirectory() as folder:
        code = history.checked_out(commit, Path(folder, "code"))
        for vendor in ("sqlite", "postgresql"):
            _make(Release(version), vendor, code, commit, Path(folder, vendor))


def _make(release: Release, vendor: str, code: Path, commit: str, data_dir: Path) -> None:
    data_dir.mkdir()
    with serving(TABLES) as source, receiving() as receiver, _empty_database(vendor, data_dir) as url:
        with _installation(url, data_dir, code) as deck:
            facts = Story(deck, source, receiver).told(commit)
            _require_rows_everywhere(deck)
        statements = _of_sqlite(url) if vendor == "sqlite" else _of_postgresql(url)
        host = socket.gethostname()  # with what is beside it: by itself it may stand in the middle of a Fernet token
        own = {source.url: SOURCE, receiver.url.removesuffix("/hook"): RECEIVER}
        own |= {f"@{host}": "@host", f'"{host}"': '"host"'}
    release.keep(vendor, statements, facts, own)


@contextmanager
def _empty_database(vendor: str, data_dir: Path) -> Iterator[str]:
    if vendor == "sqlite":
        yield f"sqlite:///{data_dir / 'syncdeck.sqlite3'}"
    else:
        with services.own_database(f"upgrade_{secrets.token_hex(4)}") as url:
            yield url


@contextmanager
def _installation(url: str, data_dir: Path, code: Path) -> Iterator[Deck]:
    """With a web process, and the token that the tests know. Whatever wait a source asks for parks a run."""
    with services.own_keys() as prefix:
        port = any_free_port()
        servers = {"DATABASE_URL": url, "CELERY_BROKER_URL": services.BROKER_URL, "BROKER_KEY_PREFIX": prefix}
        environment = embedded_environment(data_dir, port) | KEYS | servers | {"INLINE_WAIT_SECONDS": "0"}
        with processes(data_dir, environment, code) as started:
            create_token(started)
            with web(started, port, OPENS) as api:
                deck = Deck(started, data_dir, url, "default", api)
                deck.change(PLANT.format(hashlib.sha256(OPENS.encode()).hexdigest(), OPENS[:8]))
                yield deck


def _require_rows_everywhere(deck: Deck) -> None:
    names = tables_of(deck)
    empty = {name for name in names if not deck.rows(f"SELECT 1 FROM {name} LIMIT 1")}
    if lacking := sorted(empty - MAY_BE_EMPTY):
        sys.exit(f"Without a row: {', '.join(lacking)}. Let something of it happen in tests/upgrade/story.py.")


def _of_sqlite(url: str) -> str:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        return "\n".join(database.iterdump()) + "\n"


def _of_postgresql(url: str) -> str:
    """As plain statements, for which no `psql` is needed."""
    plain = ("--no-owner", "--no-privileges", "--rows-per-insert=50", "--no-comments")
    done = subprocess.run(["pg_dump", *plain, url], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return ONLY_FOR_PSQL.sub("", done.stdout)
