"""Part `dashboard`: what each page costs at a thousand and at a million runs, from a browser's side.

A web process of ours answers on a socket; one session asks each page again and again, in turn with the others, so that
whatever else the machine does falls on all of them alike.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from django.http import StreamingHttpResponse

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from tests.benchmarks.pages import Measured

from runs.addresses import any_free_port
from tests.benchmarks.stage import OF_PAGES, in_installation
from tests.processes import processes

SMALL = 1_000


@dataclass(frozen=True)
class Figure:
    """One page at one size: milliseconds, SQL queries, bytes as sent.

    `best` is the fastest answer, which other processes of the machine disturb least; `cpu` what the fastest one takes
    of the web process alone, without socket and database. `wrong` is a status that the page should not have.
    """

    page: str
    wrong: int | None
    p50: float
    p95: float
    best: float
    cpu: float
    queries: int
    size: int
    bar: float
    most_queries: int
    growth: tuple[float, float] | None


def measured(runs: int, rounds: int) -> list[Figure]:
    """The figures at this size, from a database of its own which is dropped afterwards."""
    rows = in_installation("tests.benchmarks.dashboard", str(runs), str(rounds), settings=OF_PAGES)
    return [Figure(**row) for row in rows]


def table(runs: int, large: list[Figure], small: list[Figure]) -> str:
    """The figures with their bars, in Markdown: first how the pages grow that are not to, then all of them."""
    at_small = {figure.page: figure for figure in small}
    head = [
        f"## Pages at {runs:,} runs",
        "",
        f"How many times as long the fastest answer takes as at {SMALL:,} runs.",
        "",
        "| page | x | bar | beyond |",
        "| --- | ---: | ---: | ---: |",
        *(_growth_line(figure, at_small[figure.page]) for figure in large if figure.growth),
        "",
        "Milliseconds, through a socket: the median, the 95th percentile, its bar, and the fastest answer. `cpu` is",
        f"what the web process itself computes for it; `x` the fastest answer beside that at {SMALL:,} runs.",
        "",
        "| page | p50 | p95 | bar | best | cpu | x | queries | bar | kB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*head, *(_line(figure, at_small[figure.page]) for figure in large)])


def _growth_line(figure: Figure, small: Figure) -> str:
    bar, beyond = figure.growth or (0.0, 0.0)
    times = figure.best / small.best
    return f"| {figure.page} | {times:.2f}{' **over**' if times > bar else ''} | {bar} | {beyond} |"


def _line(figure: Figure, small: Figure) -> str:
    late = " **over**" if figure.p95 > figure.bar else ""
    many = " **over**" if figure.queries > figure.most_queries else ""
    wrong = "" if figure.wrong is None else f" (answered {figure.wrong})"
    return (
        f"| {figure.page}{wrong} | {figure.p50:.0f} | {figure.p95:.0f}{late} | {figure.bar:.0f} | {figure.best:.0f} "
        f"| {figure.cpu:.0f} | {figure.best / small.best:.2f} | {figure.queries}{many} | {figure.most_queries} "
        f"| {figure.size / 1000:.0f} |"
    )


def _main(runs: int, rounds: int) -> None:
    """Within the process of one size: load, measure, print the figures as JSON."""
    import django

    django.setup()
    from django.core.management import call_command

    from runs.management.static_files import collect_if_stale
    from tests.benchmarks.landmarks import Landmarks
    from tests.benchmarks.load import make_load
    from tests.benchmarks.pages import PAGES, unmeasured
    from tests.benchmarks.size import Size

    call_command("migrate", verbosity=0)
    collect_if_stale()
    begun = time.monotonic()
    make_load(Size.of(runs) if runs < 1_000_000 else Size(runs))
    _say(f"{runs:,} runs are loaded after {time.monotonic() - begun:.0f} s.")
    marks = Landmarks.found()
    addresses = {page.name: (page.address(marks), _headers(page.htmx)) for page in PAGES}
    if missing := unmeasured([address for address, _ in addresses.values()]):
        raise LookupError(f"Which line of PAGES measures {', '.join(sorted(missing))}?")
    session = session_of_somebody()
    computed = {name: _computed(session, *asked) for name, asked in addresses.items()}
    taken = _taken(session, addresses, rounds)
    figures = [_figure(page, computed[page.name], taken[page.name]) for page in PAGES]
    print(json.dumps([asdict(figure) for figure in figures]))


def _headers(htmx: bool) -> dict[str, str]:
    return {"HX-Request": "true"} if htmx else {}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def session_of_somebody() -> str:
    """The session of somebody who sees everything."""
    from django.test import Client

    from runs.models import User

    client = Client()
    client.force_login(User.objects.create_superuser("bench", password=None))
    return client.cookies["sessionid"].value


def _computed(session: str, address: str, headers: dict[str, str]) -> tuple[int, float]:
    """How many SQL queries the page makes once its caches are warm, and the milliseconds of this process for it."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(SERVER_NAME="127.0.0.1", headers=headers)
    client.cookies["sessionid"] = session
    _consume(client.get(address))
    with CaptureQueriesContext(connection) as queries:
        _consume(client.get(address))
        count = len(queries)
    times = []
    for _ in range(3):
        begun = time.thread_time()
        _consume(client.get(address))
        times.append(time.thread_time() - begun)
    return count, min(times) * 1000


def _consume(answer: HttpResponseBase) -> None:
    """Read to its end, where it is a file that is written while it is read."""
    if isinstance(answer, StreamingHttpResponse):
        answer.getvalue()


def _taken(
    session: str, addresses: dict[str, tuple[str, dict[str, str]]], rounds: int
) -> dict[str, list[tuple[int, float, int]]]:
    """Status, milliseconds and bytes of each answer of a web process."""
    port = any_free_port()
    taken: dict[str, list[tuple[int, float, int]]] = {name: [] for name in addresses}
    with processes(Path(os.environ["DATA_DIR"]), {"PUBLIC_URL": f"http://127.0.0.1:{port}"}) as started:
        started.manage("serve", "--port", str(port)).says("Serving")
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", cookies={"sessionid": session}, timeout=120, follow_redirects=False
        ) as client:
            for number in range(rounds + 2):
                for name, (address, headers) in addresses.items():
                    answer = _timed(client, address, headers)
                    if number >= 2:  # the first ones fill caches
                        taken[name].append(answer)
    return taken


def _timed(client: httpx2.Client, address: str, headers: dict[str, str]) -> tuple[int, float, int]:
    begun = time.perf_counter()
    answer = client.get(address, headers=headers)
    return answer.status_code, (time.perf_counter() - begun) * 1000, len(answer.content)


def _figure(page: Measured, computed: tuple[int, float], taken: list[tuple[int, float, int]]) -> Figure:
    times = sorted(milliseconds for _, milliseconds, _ in taken)
    p95 = times[min(len(times) - 1, round(len(times) * 0.95))]
    wrong = next((status for status, _, _ in taken if status not in page.answers), None)
    (queries, cpu), p50, size = computed, statistics.median(times), taken[0][2]
    return Figure(page.name, wrong, p50, p95, times[0], cpu, queries, size, page.bar, page.most_queries, page.growth)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
