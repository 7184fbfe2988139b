"""Part `polls`: what a page that stays open costs, beside a bare view of the same web process.

A web process of ours, as `serve` starts it, answers persistent connections. All that is measured is asked for in
turn, round by round, so that whatever else the machine does falls on all of it alike.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from runs.addresses import any_free_port
from tests.benchmarks.stage import OF_PAGES, in_installation
from tests.processes import processes, wait_until

if TYPE_CHECKING:
    from runs.models import SyncJobRun

RUNS = 1_000
CONNECTIONS = 8
TABS = 100
NOTHING_NEW = 204
BARE = "a bare view"
UNCHANGED = "a run's page, unchanged"
LIST = "the list with its live runs, unchanged"
CHANGED = "a run's page, a change before each poll"
MANY = f"a run's page in {TABS} tabs, a change before each round"
BARS = {UNCHANGED: (0.65, 0.75)}
_POLLER = re.compile(r'id="poller"[^>]* hx-get="([^"]*)"')


@dataclass
class Rate:
    """Answers a second in each round, and the statuses that came. `busy`: the share of a core that the asker took."""

    name: str
    per_second: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    busy: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.per_second)


@dataclass
class Asker:
    """One persistent connection of somebody who is logged in."""

    port: int
    session: str

    def __post_init__(self) -> None:
        self._connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._headers = {"Cookie": f"sessionid={self.session}", "HX-Request": "true"}

    def ask(self, address: str, **headers: str) -> tuple[int, str]:
        self._connection.request("GET", address, headers={**self._headers, **headers})
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()


@dataclass
class Tab:
    """A page that stays open: it asks what its last answer told it to ask next."""

    address: str

    @classmethod
    def of(cls, page: str) -> Tab:
        return cls(_next_address(page) or "")

    def settled(self, asker: Asker) -> Tab:
        """The tab, once there is nothing new to it: what a page asks for after it was shown has come."""
        wait_until(lambda: self.poll(asker) == NOTHING_NEW, 10, "a poll that finds nothing new")
        return self

    def poll(self, asker: Asker) -> int:
        status, body = asker.ask(self.address)
        self.address = _next_address(body) or self.address
        return status


def _next_address(body: str) -> str | None:
    found = _POLLER.search(body)
    return unescape(found[1]) if found else None


@dataclass
class Bench:
    """What is measured, each for about `seconds` a round."""

    askers: list[Asker]
    seconds: float
    change: Callable[[], None]

    def side_by_side(self, act: Callable[[Asker], int]) -> tuple[int, float, list[int]]:
        """How many answers all connections together were given, the seconds, and the statuses."""
        until = time.perf_counter() + self.seconds
        begun = time.perf_counter()

        def keep_asking(asker: Asker) -> list[int]:
            seen = []
            while time.perf_counter() < until:
                seen.append(act(asker))
            return seen

        with ThreadPoolExecutor(len(self.askers)) as pool:
            seen = [status for statuses in pool.map(keep_asking, self.askers) for status in statuses]
        return len(seen), time.perf_counter() - begun, seen

    def one_by_one(self, tab: Tab) -> tuple[int, float, list[int]]:
        """A change, which is not timed, and a poll that has to tell of it, again and again."""
        taken, seen = 0.0, []
        while taken < self.seconds:
            self.change()
            begun = time.perf_counter()
            seen.append(tab.poll(self.askers[0]))
            taken += time.perf_counter() - begun
        return len(seen), taken, seen

    def all_tabs(self, tabs: list[Tab]) -> tuple[int, float, list[int]]:
        """A change, which is not timed, and a poll of every tab, again and again."""
        taken, seen = 0.0, []
        shares = [tabs[number :: len(self.askers)] for number in range(len(self.askers))]
        with ThreadPoolExecutor(len(self.askers)) as pool:
            while taken < self.seconds:
                self.change()
                begun = time.perf_counter()
                done = pool.map(lambda asker, share: [tab.poll(asker) for tab in share], self.askers, shares)
                seen += [status for statuses in done for status in statuses]
                taken += time.perf_counter() - begun
        return len(seen), taken, seen


def measured(rounds: int, seconds: float) -> list[Rate]:
    """The rates, the bare view's first; from a database of its own which is dropped afterwards."""
    rows = in_installation("tests.benchmarks.polls", str(rounds), str(seconds), settings=OF_PAGES)
    return [Rate(**row) for row in rows]


def table(rates: list[Rate]) -> str:
    """The medians beside the bare view's, with the bar, in Markdown."""
    floor = rates[0]
    head = [
        f"## Polls of a page that stays open, {RUNS:,} runs",
        "",
        f"Answers a second of one web process to {CONNECTIONS} persistent connections, medians of",
        f"{len(floor.per_second)} rounds in turn; `x` is beside a bare view of the same process and middleware.",
        f"The asking process took {max(rate.busy for rate in rates):.0%} of a core at most: it holds nothing up.",
        "",
        "| what | a second | x | bar | beyond | answers |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    return "\n".join([*head, *(_line(rate, floor) for rate in rates)])


def _line(rate: Rate, floor: Rate) -> str:
    times = statistics.median(ours / bare for ours, bare in zip(rate.per_second, floor.per_second, strict=True))
    bar, beyond = BARS.get(rate.name, (None, None))
    missed = " **under**" if bar is not None and times < bar else ""
    told = ", ".join(f"{status} ({count:,})" for status, count in rate.statuses.items())
    return f"| {rate.name} | {rate.median:,.0f} | {times:.2f}{missed} | {bar or ''} | {beyond or ''} | {told} |"


def _main(rounds: int, seconds: float) -> None:
    """Within the process that has the database: load, measure, print the rates as JSON."""
    import django

    django.setup()
    from django.core.management import call_command

    from runs.management.static_files import collect_if_stale
    from tests.benchmarks.dashboard import session_of_somebody
    from tests.benchmarks.landmarks import Landmarks
    from tests.benchmarks.load import make_load
    from tests.benchmarks.size import Size

    call_command("migrate", verbosity=0)
    collect_if_stale()
    make_load(Size.of(RUNS))
    run = Landmarks.found().live[0]
    with _serving() as port:
        session = session_of_somebody()
        askers = [Asker(port, session) for _ in range(CONNECTIONS)]
        rates = _rates(Bench(askers, seconds, lambda: _change(run)), f"/runs/{run.pk}/", rounds)
    print(json.dumps([asdict(rate) for rate in rates]))


@contextmanager
def _serving() -> Iterator[int]:
    port = any_free_port()
    environment = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with processes(Path(os.environ["DATA_DIR"]), environment) as started:
        settings = "tests.benchmarks.polls_settings"
        started.manage("serve", "--port", str(port), DJANGO_SETTINGS_MODULE=settings).says("Serving")
        yield port


def _rates(bench: Bench, page: str, rounds: int) -> list[Rate]:
    from tests.benchmarks.polls_urls import BARE as BARE_ADDRESS

    bare = f"/{BARE_ADDRESS}"
    opened = _open(bench.askers[0], page)
    listed = Tab.of(_open(bench.askers[0], "/runs/?status=running&since=all"))
    tab, tabs = Tab.of(opened), [Tab.of(opened) for _ in range(TABS)]
    measure: dict[str, Callable[[], tuple[int, float, list[int]]]] = {
        BARE: lambda: bench.side_by_side(lambda asker: asker.ask(bare)[0]),
        UNCHANGED: lambda: bench.side_by_side(tab.settled(bench.askers[0]).poll),
        LIST: lambda: bench.side_by_side(listed.settled(bench.askers[0]).poll),
        CHANGED: lambda: bench.one_by_one(tab),
        MANY: lambda: bench.all_tabs(tabs),
    }
    rates = {name: Rate(name) for name in measure}
    for number in range(rounds):
        for name in measure if number % 2 == 0 else reversed(measure):
            _note(rates[name], measure[name])
    return list(rates.values())


def _open(asker: Asker, address: str) -> str:
    status, body = asker.ask(address)
    assert status == 200, (address, status)
    return body


def _note(rate: Rate, measure: Callable[[], tuple[int, float, list[int]]]) -> None:
    begun, computed = time.perf_counter(), time.process_time()
    count, seconds, seen = measure()
    rate.busy = max(rate.busy, (time.process_time() - computed) / (time.perf_counter() - begun))
    rate.per_second.append(count / seconds)
    for status in sorted(set(seen)):
        rate.statuses[str(status)] = rate.statuses.get(str(status), 0) + seen.count(status)


def _change(run: SyncJobRun) -> None:
    """What a page of records changes of its run: the counts of the run and of one step."""
    from django.db.models import F

    from runs.models import RunStep, SyncJobRun
    from runs.models.base import Now

    counted = {"fetched": F("fetched") + 1, "persisted": F("persisted") + 1, "updated_at": Now()}
    RunStep.objects.filter(run=run, index=0).update(**counted)
    SyncJobRun.objects.filter(pk=run.pk).update(**counted)


if __name__ == "__main__":
    _main(int(sys.argv[1]), float(sys.argv[2]))
