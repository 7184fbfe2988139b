"""Part `control`: what lies between somebody's wish and the source, beside bare Celery tasks on the same broker.

Three questions. How long from a POST to the first request at the source, with an idle daemon? How many runs of one page
each does a daemon of four end in a second? And what does it cost to take one run where very many are queued?

The web process, the daemon and the broker are real ones; the bare tasks have a worker of the same pool and size.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from runs.addresses import any_free_port
from tests.benchmarks import queued
from tests.benchmarks.arrivals import Arrivals, arrivals
from tests.benchmarks.stage import in_installation
from tests.processes import Process, processes, wait_until

POOL, SIZE = "threads", 4
LONGEST = 600.0  # seconds that a round may take
BARE = "tests.benchmarks.peers.bare_celery"
LATENCY_BAR, DRAIN_BAR, CLAIM_BAR = 25.0, 0.4, 20.0  # ms more; share; ms


@dataclass
class Pair:
    """Of each round, ours and the bare tasks'."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


@dataclass
class Measured:
    """Seconds to the first request; runs or tasks a second; and the claim's seconds by how many runs are queued."""

    runs: int
    latency: Pair = field(default_factory=Pair)
    drain: Pair = field(default_factory=Pair)
    claims: dict[str, dict[str, float]] = field(default_factory=dict)


def measured(runs: int, posts: int, waiting: int, rounds: int) -> Measured:
    """`runs` are drained and `posts` sent in each round; `waiting` are queued while others are claimed."""
    found = in_installation("tests.benchmarks.control", *map(str, (runs, posts, waiting, rounds)))
    return Measured(found["runs"], Pair(**found["latency"]), Pair(**found["drain"]), found["claims"])


def table(found: Measured) -> str:
    """The medians and the bars, in Markdown."""
    latency, bare_latency = (1000 * statistics.median(times) for times in (found.latency.ours, found.latency.bare))
    drain, bare_drain = (statistics.median(rates) for rates in (found.drain.ours, found.drain.bare))
    more, share = latency - bare_latency, drain / bare_drain
    lines = [
        "## Control path",
        "",
        f"Medians of {len(found.latency.ours)} rounds in turn, one daemon of {SIZE} {POOL}, Redis, PostgreSQL.",
        "A bare task does one GET and, in the second line, one INSERT.",
        "",
        "| what | Syncdeck | bare Celery | beside it | bar |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| POST to the first request at the source, idle, ms | {latency:.1f} | {bare_latency:.1f} "
        f"| + {more:.1f}{_missed(more > LATENCY_BAR)} | + {LATENCY_BAR:.0f} |",
        f"| {found.runs:,} runs of one page, runs/s | {drain:,.0f} | {bare_drain:,.0f} "
        f"| {share:.2f}{_missed(share < DRAIN_BAR)} | {DRAIN_BAR} |",
        "",
        "| claim of a run, ms | p50 | p99 | bar | sweep | wake |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *(_claim_line(waiting, cost) for waiting, cost in found.claims.items())])


def _claim_line(waiting: str, cost: dict[str, float]) -> str:
    told = {name: 1000 * seconds for name, seconds in cost.items()}
    missed = _missed(told["p99"] > CLAIM_BAR)
    figures = f"{told['p50']:.1f} | {told['p99']:.1f}{missed} | {CLAIM_BAR:.0f} | {told['sweep']:.1f}"
    return f"| {int(waiting):,} queued | {figures} | {told['wake']:.1f} |"


def _missed(is_missed: bool) -> str:
    return " **under**" if is_missed else ""


@dataclass
class Ours:
    """A web process and a daemon of the product."""

    job: Any
    accounts: list[Any]
    web: HTTPConnection
    token: str
    daemon: Process
    turn: int = 0

    def ask(self) -> None:
        """POST one run, of one account after the other."""
        account = self.accounts[self.turn % len(self.accounts)]
        self.turn += 1
        body = {"sync_job_id": str(self.job.id), "integrated_account_id": str(account.id), "ignore_previous_run": True}
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.web.request("POST", "/sync-job-run", json.dumps(body), headers)
        response = self.web.getresponse()
        assert response.status == 201, response.read()
        response.read()

    def settle(self) -> None:
        from runs.models import SyncJobRun

        wait_until(lambda: not SyncJobRun.objects.live().exists(), LONGEST, "the end of the runs")

    def drain(self, count: int) -> float:
        """Runs a second, of which each is of an account of its own."""
        from django.db import connection
        from django.db.models import Max, Sum

        from runs.models import RunTrigger, SyncJobRun
        from runs.services import Origin, RunRequest, create_run

        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE runs_record")
        origin = Origin(RunTrigger.CLI, "a benchmark")
        wishes = (RunRequest(self.job, account, ignore_previous_run=True) for account in self.accounts[:count])
        runs: list[SyncJobRun] = []
        began = _let_loose(self.daemon, lambda: runs.extend(create_run(wish, origin) for wish in wishes))
        self.settle()
        done = SyncJobRun.objects.filter(id__in=[run.id for run in runs], status="completed", error_count=0)
        told = done.aggregate(last=Max("finished_at"), persisted=Sum("persisted"))
        assert done.count() == count and told["persisted"] == 10 * count, told
        return float(count / (told["last"].timestamp() - began))


@dataclass
class Bare:
    """A worker of bare tasks."""

    url: str
    worker: Process
    app: Any

    def ask(self) -> None:
        self.app.send_task("bare.reach", args=[self.url])

    def drain(self, count: int) -> float:
        from django.db import connection

        def rows() -> tuple[int, float]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*), extract(epoch FROM max(at)) FROM bare_page")
                return cursor.fetchone()

        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE bare_page")
        began = _let_loose(
            self.worker, lambda: [self.app.send_task("bare.store", args=[self.url]) for _ in range(count)]
        )
        wait_until(lambda: rows()[0] == count, LONGEST, "the end of the tasks")
        return count / (float(rows()[1]) - began)


def _let_loose(worker: Process, fill_queue: Callable[[], Any]) -> float:
    """Fill the queue before the stopped worker, and let it go on. Since when, in seconds of this machine's clock."""
    worker.signal(signal.SIGSTOP)
    try:
        fill_queue()
        return time.time()
    finally:
        worker.signal(signal.SIGCONT)


def _seconds_to_source(who: Ours | Bare, source: Arrivals) -> float:
    source.expect()
    began = time.time()
    who.ask()
    return source.first() - began


def _main(count: int, posts: int, waiting: int, rounds: int) -> None:
    """Within the process that has the database: prepare, measure, print what was found as JSON."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    found = Measured(count)
    with arrivals() as source:
        with _workers(source, max(count, posts)) as (ours, bare):
            for _ in range(rounds):
                _latencies(found.latency, ours, bare, source, posts)
                found.drain.ours.append(ours.drain(count))
                found.drain.bare.append(bare.drain(count))
        found.claims = queued.costs(ours.job, ours.accounts[0], waiting)
    print(json.dumps(asdict(found)))


def _latencies(pair: Pair, ours: Ours, bare: Bare, source: Arrivals, posts: int) -> None:
    ours_took, bare_took = [], []
    for _ in range(posts):
        ours_took.append(_seconds_to_source(ours, source))
        ours.settle()
        bare_took.append(_seconds_to_source(bare, source))
    pair.ours.append(statistics.median(ours_took))
    pair.bare.append(statistics.median(bare_took))


@contextmanager
def _workers(source: Arrivals, accounts: int) -> Iterator[tuple[Ours, Bare]]:
    from django.db import connection

    from tests.benchmarks.peers import bare_celery

    with connection.cursor() as cursor:
        cursor.execute(bare_celery.TABLE)
    with processes(Path(os.environ["DATA_DIR"]), {}) as started:
        ours = _ours(started, source.url, accounts)
        bare = _bare(started, f"{source.url}/records")
        for who in (ours, bare):  # each is warm before it is measured
            for _ in range(2 * SIZE):
                _seconds_to_source(who, source)
                ours.settle()
        yield ours, bare


def _ours(started: Any, url: str, accounts: int) -> Ours:
    from runs.models import Daemon
    from runs.services import issue_token
    from tests import factories

    method = {"method": "get", "path": "/records", "response_path": "data"}
    config = factories.integration_config(url, resources={"records": {"list": method}}, pagination=None)
    integration = factories.integration(name="benchmark", config=config)
    entry = {"resource": "records", "method": "list", "persist": True}
    job = factories.job(integration=integration, resources=[entry])
    port = any_free_port()
    web = started.manage("serve", "--port", str(port))
    daemon = started.manage("daemon", "--concurrency", str(SIZE), "--pool", POOL)
    web.says("Serving", limit=60)
    wait_until(lambda: Daemon.objects.living_groups(), 60, "a daemon that is alive")
    kept = HTTPConnection("127.0.0.1", port, timeout=30)
    _, token = issue_token(integration.environment, name="benchmark")
    return Ours(job, [factories.account(integration=integration) for _ in range(accounts)], kept, token, daemon)


def _bare(started: Any, url: str) -> Bare:
    from tests.benchmarks.peers import bare_celery

    limits = ["--concurrency", str(SIZE), "--pool", POOL, "--without-mingle", "--without-gossip"]
    command = [sys.executable, "-m", "celery", "-A", BARE, "worker", "--loglevel", "INFO", *limits]
    worker = started.start(*command, name="bare", DJANGO_SETTINGS_MODULE="")  # Celery would set Django up
    worker.says("ready", limit=60)
    return Bare(url, worker, bare_celery.app)


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
