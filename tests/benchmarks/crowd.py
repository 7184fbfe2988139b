"""Part `crowd`: very many runs that wait, in the queue or for their sources, and what that costs those at work.

Two questions, each with a real web process, a real daemon, Redis and PostgreSQL. While a daemon works off runs of which
very many are queued, what does a claim cost, and how soon does the dashboard answer? And what does one daemon take that
holds very many live runs, of which most wait for their limits; how soon are those done once the limits are over?
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2

from runs.addresses import any_free_port
from tests.benchmarks.crowd_source import RECORDS
from tests.benchmarks.dashboard import session_of_somebody
from tests.benchmarks.stage import in_installation, peak_memory
from tests.processes import Process, Processes, processes, wait_until

SIZE = 8  # workers of the daemon
LONGEST = 900.0  # seconds
# So that all who never end have had their turn soon, and each limit parks its run.
SETTINGS = {"SLICE_SECONDS": "1", "INLINE_WAIT_SECONDS": "1"}
CLAIM_BAR, LIST_BAR, MEMORY_BAR = 20.0, 300.0, 400.0  # ms, ms, MB


@dataclass
class Queued:
    """Milliseconds of a claim and of the list of runs, and how many runs were ended in a second meanwhile."""

    claim_p50: float
    claim_p99: float
    list_p50: float
    list_p95: float
    rate: float


@dataclass
class Live:
    """MB of the daemon at most; seconds from the end of the limits until all that had waited were done."""

    live: int
    limited: int
    idle_memory: float
    memory: float
    seconds: float


def measured(queued: int, looks: int, limited: int, slow: int, retry_after: int) -> tuple[Queued, Live]:
    """So many runs are queued, and the list is looked at so often; so many are limited for so many seconds, and so many
    others live."""
    found = [
        in_installation("tests.benchmarks.crowd", *map(str, what), settings=SETTINGS)
        for what in (("queued", queued, looks, 1), ("live", limited, slow, retry_after))
    ]
    return Queued(**found[0]), Live(**found[1])


def table(queued: int, found: tuple[Queued, Live]) -> str:
    """The figures and their bars, in Markdown."""
    of_queue, live = found
    lines = [
        "## Very many runs at once",
        "",
        f"One daemon of {SIZE} threads, Redis, PostgreSQL: first with {queued:,} runs queued, of which it ended",
        f"{of_queue.rate:.0f} a second; then with {live.live:,} live, {live.limited:,} of which waited for limits.",
        f"Idle, the daemon took {live.idle_memory:.0f} MB.",
        "",
        "| what | measured | bar |",
        "| --- | ---: | ---: |",
        f"| claim, p50, ms | {of_queue.claim_p50:.1f} | |",
        _barred("claim, p99, ms", of_queue.claim_p99, CLAIM_BAR),
        f"| list of runs, p50, ms | {of_queue.list_p50:.0f} | |",
        _barred("list of runs, p95, ms", of_queue.list_p95, LIST_BAR),
        _barred("memory of the daemon at most, MB", live.memory, MEMORY_BAR),
        f"| until all that had waited were done, once the limits were over, s | {live.seconds:.0f} | |",
    ]
    return "\n".join(lines)


def _barred(what: str, figure: float, bar: float) -> str:
    return f"| {what} | {figure:.1f}{' **over**' if figure > bar else ''} | {bar:.0f} |"


@dataclass
class Crowd:
    """An installation at work. Each kind of list has a job, and each of its runs an account of its own."""

    web: httpx2.Client
    daemon: Process
    source: Process
    integration: Any
    jobs: dict[str, Any]

    def request(self, kind: str, count: int) -> None:
        """So many runs of the kind, in the database and at the broker."""
        from runs.models import RunTrigger
        from runs.services import Origin, RunRequest, create_run
        from tests import factories

        origin = Origin(RunTrigger.CLI, "a benchmark")
        for _ in range(count):
            create_run(RunRequest(self.jobs[kind], factories.account(integration=self.integration)), origin)

    def count(self, kind: str, **conditions: Any) -> int:
        from runs.models import SyncJobRun

        return SyncJobRun.objects.filter(sync_job=self.jobs[kind], **conditions).count()

    def release(self) -> None:
        """From now on no list is limited, and the slow ones are at their end."""
        self.source.signal(signal.SIGUSR1)

    def memory(self) -> float:
        return peak_memory(self.daemon) / 1000


def _main(kind: str, counts: list[int]) -> None:
    """Within the process that has the database: prepare, measure, print what was found as JSON."""
    import django

    django.setup()
    from django.core.management import call_command

    from runs.management.static_files import collect_if_stale

    call_command("migrate", verbosity=0)
    collect_if_stale()
    first, second, retry_after = counts
    with _at_work(retry_after) as crowd:
        found = _queued(crowd, first, second) if kind == "queued" else _live(crowd, first, second)
    print(json.dumps(asdict(found)))


@contextmanager
def _at_work(retry_after: int) -> Iterator[Crowd]:
    with processes(Path(os.environ["DATA_DIR"]), {}) as started:
        crowd = _crowd(started, retry_after)
        try:
            yield crowd
        finally:
            crowd.release()


def _crowd(started: Processes, retry_after: int) -> Crowd:
    from runs.models import Daemon
    from tests import factories

    source_port = any_free_port()
    command = ("-m", "tests.benchmarks.crowd_source", str(source_port), str(retry_after))
    source = started.start(sys.executable, *command, name="source")
    source.says("Serving", limit=60)
    kinds = ("slow", "limited", "quick")
    pages = {"page_key": "page", "limit_key": "per_page", "limit": RECORDS}
    method = {"method": "get", "response_path": "data", "pagination": {"format": "page", "config": pages}}
    config = factories.integration_config(
        f"http://127.0.0.1:{source_port}", resources={kind: {"list": {**method, "path": f"/{kind}"}} for kind in kinds}
    )
    integration = factories.integration(name="benchmark", config=config)
    entry = {"method": "list", "persist": True}
    jobs = {kind: factories.job(integration=integration, resources=[{"resource": kind, **entry}]) for kind in kinds}
    port = any_free_port()
    started.manage("serve", "--port", str(port)).says("Serving", limit=60)
    daemon = started.manage("daemon", "--concurrency", str(SIZE))
    wait_until(lambda: Daemon.objects.living_groups(), 60, "a daemon that is alive")
    cookies = {"sessionid": session_of_somebody()}
    web = httpx2.Client(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=60)
    return Crowd(web, daemon, source, integration, jobs)


def _queued(crowd: Crowd, waiting: int, looks: int) -> Queued:
    from tests import factories
    from tests.benchmarks.queued import queue

    queue(crowd.jobs["quick"], factories.account(integration=crowd.integration), waiting)
    crowd.daemon.signal(signal.SIGSTOP)  # or it is through with them before the first look
    crowd.request("quick", waiting // 50)
    crowd.daemon.signal(signal.SIGCONT)
    _look(crowd)  # the first claim of a process builds its statements
    ended, began = crowd.count("quick", status="completed"), time.monotonic()
    claims, lists = zip(*(_look(crowd) for _ in range(looks)), strict=True)
    rate = (crowd.count("quick", status="completed") - ended) / (time.monotonic() - began)
    return Queued(_part(claims, 0.5), _part(claims, 0.99), _part(lists, 0.5), _part(lists, 0.95), rate)


def _look(crowd: Crowd) -> tuple[float, float]:
    """Milliseconds of one claim, of a run that the daemon is not told of, and of one list."""
    from tests import factories
    from tests.benchmarks.queued import claimed

    account = factories.account(integration=crowd.integration)
    claim = claimed(crowd.jobs["quick"], account, 0)
    began = time.perf_counter()
    answer = crowd.web.get("/runs/")
    assert answer.status_code == 200, answer.text
    return 1000 * claim, 1000 * (time.perf_counter() - began)


def _part(times: tuple[float, ...], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _live(crowd: Crowd, limited: int, slow: int) -> Live:
    idle = crowd.memory()
    crowd.request("limited", limited)
    wait_until(lambda: crowd.count("limited", rate_limited_until__isnull=False) == limited, LONGEST, "all limits")
    crowd.request("slow", slow)
    wait_until(lambda: crowd.count("slow", status="running", fetched__gt=0) == slow, LONGEST, "a turn of all others")
    memory, live = crowd.memory(), sum(crowd.count(kind, status="running") for kind in ("slow", "limited"))
    crowd.release()
    over = _latest(crowd, "rate_limited_until")
    wait_until(lambda: crowd.count("limited", status="completed") == limited, LONGEST, "the end of all that waited")
    assert live == limited + slow, live
    return Live(live, limited, idle, max(memory, crowd.memory()), _latest(crowd, "finished_at") - over)


def _latest(crowd: Crowd, field: str) -> float:
    """Of those that are limited, in seconds of the database's clock."""
    from django.db.models import Max

    from runs.models import SyncJobRun

    of_limited = SyncJobRun.objects.filter(sync_job=crowd.jobs["limited"])
    return float(of_limited.aggregate(at=Max(field))["at"].timestamp())


if __name__ == "__main__":
    _main(sys.argv[1], [int(count) for count in sys.argv[2:]])
