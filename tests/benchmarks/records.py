"""Part `records`: how fast records move from a paged API into PostgreSQL, beside others who move the same ones.

Ours is a real daemon, told of each run by the broker, with everything on that a run has. In each round every one loads
an empty table, and then the same again with every record there and unchanged; every second round in the reverse order.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runs.addresses import any_free_port
from tests import services
from tests.processes import PROJECT, Process, processes, wait_until

OURS = "Syncdeck"
PAGE_SIZE = 1_000
LONGEST = 600.0  # seconds that one load may take
# How many times as fast as each we are to be: the first load, and the unchanged one.
BARS = {"dlt, upsert": (5.0, 12.0), "Django, bulk_create": (4.5, 10.0), "the limit": (0.75, 0.65)}
PEERS = {
    "dlt, upsert": ("dlt_upsert", 'DROP SCHEMA IF EXISTS dlt_peer, dlt_peer_staging CASCADE'),
    "Django, bulk_create": ("plain_django", "DROP TABLE IF EXISTS plain_django"),
    "the limit": ("limit", "DROP TABLE IF EXISTS peer_limit"),
}  # fmt: skip
NEEDED = ("dlt[postgres]>=1.31,<2", "django>=5.2,<5.3", "psycopg[binary]>=3.2,<3.4", "requests>=2.32,<3")
NEEDED += ("msgspec>=0.20,<1", "urllib3>=2,<3")


@dataclass
class Speed:
    """Seconds of each round, and what the daemon's memory came to at most (kB; 0 for others)."""

    name: str
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    memory: int = 0


class Mover(Protocol):
    """Somebody who moves all records once."""

    @property
    def name(self) -> str: ...

    def clear(self) -> None: ...

    def seconds(self) -> float: ...


def measured(count: int, rounds: int, *, with_peers: bool) -> list[Speed]:
    """Of everybody, ours first. Peers are installed into a virtual environment of theirs when first asked for."""
    peers = [str(_peers_python())] if with_peers else []
    name = f"syncdeck_bench_{os.getpid()}_records"
    with services.own_database(name) as url, services.own_keys() as keys, tempfile.TemporaryDirectory() as folder:
        environment = {"DATABASE_URL": url, "DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        environment |= {"CELERY_BROKER_URL": services.BROKER_URL, "BROKER_KEY_PREFIX": keys}
        environment |= {"ALLOW_PRIVATE_NETWORKS": "true", "LOG_LEVEL": "WARNING"}
        command = [sys.executable, "-m", "tests.benchmarks.records", str(count), str(rounds), *peers]
        output = subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True
        ).stdout
        return [Speed(**row) for row in json.loads(output.splitlines()[-1])]


def table(count: int, speeds: list[Speed]) -> str:
    """The medians, what they are beside ours, and the bars, in Markdown."""
    ours = speeds[0]
    head = [
        f"## {count:,} records, pages of {PAGE_SIZE:,}, into PostgreSQL",
        "",
        f"Records a second, medians of {len(ours.first)} rounds in turn. `x` is how many times as fast Syncdeck is.",
        f"Its daemon took {ours.memory / 1000:.0f} MB at most.",
        "",
        "| who | first | x | bar | unchanged | x | bar |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*head, *(_line(count, speed, ours) for speed in speeds)])


def _line(count: int, speed: Speed, ours: Speed) -> str:
    cells = []
    for phase, bar in zip(("first", "again"), BARS.get(speed.name, (None, None)), strict=True):
        took, our_time = (statistics.median(getattr(one, phase)) for one in (speed, ours))
        times = took / our_time
        missed = " **under**" if bar is not None and times < bar else ""
        cells.append(f"{count / took:,.0f} | {times:.2f}{missed} | {'' if bar is None else bar}")
    return f"| {speed.name} | {' | '.join(cells)} |"


def _peers_python() -> Path:
    home = Path(sys.prefix) / "peers"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDED], check=True)
    return python


@dataclass
class Daemon:
    """Ours: one run after another of one job, for one account."""

    account: Any
    job: Any
    process: Process
    name: str = OURS

    def clear(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE runs_record")

    def seconds(self) -> float:
        from runs.models import RunTrigger
        from runs.services import Origin, RunRequest, create_run

        request = RunRequest(self.job, self.account, ignore_previous_run=True)
        run = create_run(request, Origin(RunTrigger.CLI, "a benchmark"))

        def has_ended() -> bool:
            run.refresh_from_db()
            return not run.is_live

        wait_until(has_ended, LONGEST, "the end of the run")
        assert run.status == "completed" and run.error_count == 0, run.status
        return float((run.finished_at - run.started_at).total_seconds())

    @property
    def memory(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@dataclass
class Peer:
    name: str
    python: str
    url: str
    folder: Path

    def clear(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(PEERS[self.name][1])

    def seconds(self) -> float:
        script = PROJECT / "tests/benchmarks/peers" / f"{PEERS[self.name][0]}.py"
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            command = [self.python, script, self.url, os.environ["DATABASE_URL"], str(PAGE_SIZE), folder]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=LONGEST).stdout
        return float(output.split()[-1])


def _main(count: int, rounds: int, peers: list[str]) -> None:
    """Within the process that has the database: prepare, measure, print the speeds as JSON."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    folder = Path(os.environ["DATA_DIR"])
    with processes(folder, {}) as started, _source(started, count) as url:
        daemon = _daemon(started, url)
        movers: list[Mover] = [daemon, *(Peer(name, python, url, folder) for python in peers for name in PEERS)]
        speeds = {mover.name: Speed(mover.name) for mover in movers}
        for number in range(rounds):
            for mover in movers if number % 2 == 0 else reversed(movers):
                speeds[mover.name].first.append(mover.seconds())
                speeds[mover.name].again.append(mover.seconds())
                mover.clear()
        speeds[OURS].memory = daemon.memory
    print(json.dumps([asdict(speed) for speed in speeds.values()]))


@contextmanager
def _source(started: Any, count: int) -> Iterator[str]:
    port = any_free_port()
    source = started.start(sys.executable, "-m", "tests.benchmarks.source", str(count), str(port), name="source")
    source.says("Serving", limit=120)
    yield f"http://127.0.0.1:{port}"


def _daemon(started: Any, url: str) -> Daemon:
    from runs.models import Daemon as DaemonRow
    from tests import factories

    pagination = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": PAGE_SIZE}}
    method = {"method": "get", "path": "/records", "response_path": "data", "pagination": pagination}
    config = {"base_url": url, "resources": {"records": {"list": method}}}
    integration = factories.integration(name="benchmark", config=config)
    entry = {"resource": "records", "method": "list", "persist": True}
    job = factories.job(integration=integration, resources=[entry])
    process = started.manage("daemon", "--concurrency", "1")
    wait_until(lambda: DaemonRow.objects.living_groups(), 60, "a daemon that is alive")
    return Daemon(factories.account(integration=integration), job, process)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
