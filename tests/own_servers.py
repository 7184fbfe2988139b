"""Servers of a test's own, which it may restart, empty and take away: nobody else uses them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from kombu import Connection

from runs.addresses import any_free_port
from tests import services
from tests.processes import wait_until

START = 60.0  # seconds that a server may take to answer
OWNER = "postgres"  # PostgreSQL refuses to run as root


@dataclass(frozen=True)
class Place:
    """Where a server listens. `inside`: what its command begins with to get there."""

    address: str = "127.0.0.1"
    inside: tuple[str, ...] = ()


HERE = Place()


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
    place: Place = HERE
    _popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://postgres@{self.place.address}:{self.port}/postgres"

    def start(self) -> None:
        places = ("-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), "-h", self.place.address)
        command = (self.binaries / "postgres", *places, "-c", "max_connections=60", "-c", "shared_buffers=16MB")
        with (self.folder / "log").open("ab") as log:
            self._popen = subprocess.Popen(
                (*self.place.inside, *_as_owner(), *command), stdout=subprocess.DEVNULL, stderr=log
            )
        wait_until(self._answers, START, f"an answer of PostgreSQL ({self.folder / 'log'})")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """At once, as in a crash, unless told otherwise."""
        if self._popen is not None:
            self._popen.send_signal(how)
            self._popen.wait()
            self._popen = None

    def make(self) -> None:
        command = (self.binaries / "initdb", "-A", "trust", "-U", "postgres", "-D", self.folder / "data")
        subprocess.run((*_as_owner(), *command), check=True, stdout=subprocess.DEVNULL)
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

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
def own_postgres(place: Place = HERE) -> Iterator[OwnPostgres]:
    binaries = postgres_binaries()
    assert binaries is not None, "PostgreSQL's own programs are missing"
    folder = Path(tempfile.mkdtemp(prefix="syncdeck-postgres-"))
    if _as_owner():
        shutil.chown(folder, OWNER)
    server = OwnPostgres(binaries, folder, any_free_port(), place)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner() -> tuple[str, ...]:
    return ("setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups") if os.geteuid() == 0 else ()


@dataclass
class OwnRedis:
    """A server without a memory: what it held is gone when it ends."""

    port: int
    place: Place = HERE
    _popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.place.address}:{self.port}/0"

    def start(self) -> None:
        listens = ("--port", str(self.port), "--bind", self.place.address, "--protected-mode", "no")
        command = (*self.place.inside, "redis-server", *listens, "--save", "", "--appendonly", "no")
        self._popen = subprocess.Popen(command, stdout=subprocess.DEVNULL)
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
def own_redis(place: Place = HERE) -> Iterator[OwnRedis]:
    server = OwnRedis(any_free_port(), place)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class OwnRabbit:
    """One RabbitMQ node in a folder, with a port mapper of its own."""

    folder: Path
    port: int
    ports: tuple[int, int]  # of its port mapper, and the one between nodes
    place: Place = HERE
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{self.place.address}:{self.port}//"

    def start(self) -> None:
        listens = f"listeners.tcp.1 = {self.place.address}:{self.port}\nloopback_users = none\n"
        (self.folder / "rabbitmq.conf").write_text(listens)
        self._start("epmd", "-port", str(self.ports[0]), "-address", "127.0.0.1")
        self._start(str(rabbitmq_server()))
        wait_until(self._answers, START, f"an answer of RabbitMQ ({self.folder / 'log'})")

    def stop(self) -> None:
        while self._started:
            process = self._started.pop()
            process.terminate()
            process.wait()

    def queues(self) -> dict[str, str]:
        """The kind of each queue, by its name."""
        listed = (rabbitmq_server().with_name("rabbitmqctl"), "-q", "list_queues", "name", "type", "--no-table-headers")
        told = subprocess.run(
            (*self.place.inside, *listed), env=self._environment, check=True, text=True, stdout=subprocess.PIPE
        )
        return dict(line.split("\t") for line in told.stdout.splitlines() if line)

    def _start(self, *command: str) -> None:
        with (self.folder / "out").open("ab") as out:
            started = subprocess.Popen(
                (*self.place.inside, *command), env=self._environment, stdout=out, stderr=subprocess.STDOUT
            )
        self._started.append(started)

    @property
    def _environment(self) -> dict[str, str]:
        mapper, between_nodes = map(str, self.ports)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),  # its cookie lies there
            "RABBITMQ_NODENAME": "syncdeck@localhost",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "db"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_DIST_PORT": between_nodes,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": mapper,
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=1) as connection:
                return bool(connection.connect())
        except (OSError, *Connection(self.url).connection_errors):
            return False


@contextmanager
def own_rabbit(place: Place = HERE) -> Iterator[OwnRabbit]:
    with tempfile.TemporaryDirectory(prefix="syncdeck-rabbit-", ignore_cleanup_errors=True) as folder:
        server = OwnRabbit(Path(folder), any_free_port(), (any_free_port(), any_free_port()), place)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def rabbitmq_server() -> Path | None:
    """The server's own program: the one on the path runs as another user, on the machine's files."""
    found = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return found if found.exists() else None


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
