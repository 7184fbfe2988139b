"""An installation over hosts: servers on one, web and scheduler on another, two groups' daemons on each of two."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from runs.addresses import any_free_port
from tests.acceptance.deck import Deck, client, create_token
from tests.acceptance.hosts import Host, Network, namespaces, processes_alone
from tests.own_servers import HERE, OwnRabbit, OwnRedis, Place, own_postgres
from tests.processes import Process, Processes, processes, wait_until

LEASE, SWEEP = 5, 2  # seconds
GROUPS = ("east", "west")
WORKERS = ("one", "two")
SLOTS = 4  # of each daemon
Broker = Callable[[Place], AbstractContextManager[OwnRedis] | AbstractContextManager[OwnRabbit]]


@dataclass
class Spread:
    """`deck`: seen from the web host. `daemons`: by host and group, with the ids that they are known by."""

    network: Network
    deck: Deck
    on: dict[str, Processes]
    broker: OwnRedis | OwnRabbit
    daemons: dict[tuple[str, str], tuple[Process, str]] = field(default_factory=dict)

    def start_daemons(self) -> None:
        for host in WORKERS:
            for group in GROUPS:
                known = self._known()
                started = self.start(host, "daemon", "manage.py", "daemon", "--group", group, f"--concurrency={SLOTS}")
                new = wait_until(lambda known=known: self._known() - known, 60, f"a daemon ({started.log_file})")
                self.daemons[host, group] = (started, new.pop())

    def start(self, host: str, name: str, *arguments: str) -> Process:
        inside = self.network.hosts[host].place.inside
        return self.on[host].start(*inside, sys.executable, *arguments, name=name)

    def ids(self, host: str) -> list[str]:
        return [self.daemons[host, group][1] for group in GROUPS]

    def end_daemons(self, host: str) -> None:
        for group in GROUPS:
            self.daemons[host, group][0].end()

    def is_active(self, host: str) -> bool:
        states = {row["daemon_id"]: row["status"] for row in self.deck.get("/daemon")["result"]}
        return all(states[daemon] == "active" for daemon in self.ids(host))

    def _known(self) -> set[str]:
        return {row[0] for row in self.deck.rows("SELECT daemon_id FROM runs_daemon")}


@contextmanager
def spread(broker: Broker, folder: Path, *, in_namespaces: bool) -> Iterator[Spread]:
    with ExitStack() as stack:
        place = HERE
        if in_namespaces:
            network = stack.enter_context(namespaces())
            place = network.hosts["data"].place
        urls = [stack.enter_context(server(place)) for server in (own_postgres, broker)]
        if not in_namespaces:
            network = stack.enter_context(processes_alone([server.url for server in urls]))
        yield stack.enter_context(_started(network, urls[0].url, urls[1], folder))


@contextmanager
def _started(network: Network, database_url: str, broker: OwnRedis | OwnRabbit, folder: Path) -> Iterator[Spread]:
    web, port = network.hosts["web"], any_free_port()
    shared = _shared_settings(web, port)
    with ExitStack() as stack:
        on = {}
        for host in (network.hosts[name] for name in ("web", *WORKERS)):
            own = {"DATABASE_URL": host.reach(database_url), "CELERY_BROKER_URL": host.reach(broker.url)}
            data_dir = folder / host.name
            data_dir.mkdir()
            on[host.name] = stack.enter_context(processes(data_dir, {**shared, **own, "DATA_DIR": str(data_dir)}))
        api = stack.enter_context(client(port, create_token(on["web"]), web.place.address))
        found = Spread(network, Deck(on["web"], folder, database_url, GROUPS[0], api), on, broker)
        listens = ("--host", web.place.address, "--port", str(port))
        found.start("web", "serve", "manage.py", "serve", *listens).says("Serving", 60)
        beat = ("-m", "celery", "-A", "dashboard", "beat", "--pidfile=")
        found.start("web", "beat", *beat).says("beat: Starting", 60)
        found.start_daemons()
        yield found


def _shared_settings(web: Host, port: int) -> dict[str, str]:
    return {
        "PUBLIC_URL": f"http://{web.place.address}:{port}",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "CREDENTIALS_KEYS": Fernet.generate_key().decode(),
        "ALLOW_PRIVATE_NETWORKS": "true",
        "LEASE_SECONDS": str(LEASE),
        "SWEEP_SECONDS": str(SWEEP),
        # What a host leaves locked when it is cut off within a transaction must be free before its leases end.
        "DATABASE_IDLE_SECONDS": str(LEASE // 2),
    }
