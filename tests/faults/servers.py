"""Servers of a row's own, which it may restart, empty and take away: nobody else uses them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from runs.addresses import any_free_port
from tests import services
from tests.processes import wait_until

START = 30.0  # seconds that a server may take to answer
OWNER = "postgres"  # PostgreSQL refuses to run as root


def postgres_binaries() -> Path | None:
    """Where this machine has the server's programs; None if it has none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass
class OwnPostgres:
    """A cluster in a folder. Nothing of it outlives the block that made it."""

    binaries: Path
    folder: Path
    port: int
    _popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        places = ("-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), "-h", "127.0.0.1")
        command = (self.binaries / "postgres", *places, "-c", "max_connections=60", "-c", "shared_buffers=16MB")
        with (self.folder / "log").open("ab") as log:
            self._popen = subprocess.Popen(command, user=_owner(), stdout=subprocess.DEVNULL, stderr=log)
        wait_until(self._answers, START, f"an answer of PostgreSQL ({self.folder / 'log'})")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """At once, as in a crash, unless told otherwise."""
        if self._popen is not None:
            self._popen.send_signal(how)
            self._popen.wait()
            self._popen = None

    def make(self) -> None:
        command = (self.binaries / "initdb", "-A", "trust", "-U", "postgres", "-D", self.folder / "data")
        subprocess.run(command, user=_owner(), check=True, stdout=subprocess.DEVNULL)

    def copy(self, url: str) -> None:
        """Take over all that is in the database at the URL."""
        dump = subprocess.run((self.binaries / "pg_dump", url), check=True, stdout=subprocess.PIPE)
        load = (self.binaries / "psql", "-q", "-v", "ON_ERROR_STOP=1", self.url)
        subprocess.run(load, input=dump.stdout, check=True, stdout=subprocess.DEVNULL)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=1):
                return True
        except psycopg.Error:
            return False


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    binaries = postgres_binaries()
    assert binaries is not None, "PostgreSQL's own programs are missing"
    folder = Path(tempfile.mkdtemp(prefix="syncdeck-faults-"))
    if _owner() is not None:
        shutil.chown(folder, OWNER)
    server = OwnPostgres(binaries, folder, any_free_port())
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> str | None:
    return OWNER if os.geteuid() == 0 else None


@dataclass
class OwnRedis:
    """A server without a memory: what it held is gone when it ends."""

    port: int
    _popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._popen = subprocess.Popen(("redis-server", *options), stdout=subprocess.DEVNULL)
        wait_until(self._answers, START, f"an answer of Redis on port {self.port}")

    def stop(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
            self._popen = None

    def empty(self) -> None:
        """FLUSHALL: every message is gone, and nobody is told."""
        with redis.Redis.from_url(self.url) as server:
            server.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1) as server:
                return bool(server.ping())
        except redis.RedisError:
            return False


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    server = OwnRedis(any_free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def lacking() -> list[str]:
    """What rows with servers of their own would need and this machine has not."""
    found = services.lacking()
    if postgres_binaries() is None:
        found.append("initdb")
    if shutil.which("redis-server") is None:
        found.append("redis-server")
    return found


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None, url
    return port
