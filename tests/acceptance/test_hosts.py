"""Several hosts, of which one is cut off in the middle of its work and comes back: no run is lost, none is doubled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.deck import countries_then_cities
from tests.acceptance.gate import Gate
from tests.acceptance.hosts import lacking_for_namespaces
from tests.acceptance.spread import GROUPS, LEASE, SLOTS, SWEEP, Spread, spread
from tests.own_servers import OwnRabbit, lacking, own_rabbit, own_redis, rabbitmq_server
from tests.processes import wait_until
from tests.sources import Source, serving

MARGIN = 5  # seconds beyond lease and sweep
PAGES, PAGE = 3, 10
AFTERWARDS = 20  # runs, once the host is back
COUNTED = {"items": {"list": {"fetched": PAGES * PAGE, "persisted": PAGES * PAGE}}}
JOB = [{"resource": "items", "method": "list", "query": {"part": "{{args.part:int}}"}, "persist": True}]


def items(parts: int) -> list[dict[str, int]]:
    return [{"id": part * 1000 + number, "part": part} for part in range(parts) for number in range(PAGES * PAGE)]


def define(installation: Spread, source: Source) -> None:
    config = countries_then_cities(
        source.url,
        concurrency=64,
        pagination={"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": PAGE}},
        resources={"items": {"list": {"method": "get", "path": "/items", "response_path": "data"}}},
    )
    installation.deck.define(config, JOB)


def held_by(installation: Spread, host: str) -> set[str]:
    """The runs that the host's daemons are at."""
    names = ", ".join(f"'{daemon}'" for daemon in installation.ids(host))
    query = f"SELECT id FROM runs_syncjobrun WHERE status = 'running' AND daemon_id IN ({names})"
    return {str(row[0]) for row in installation.deck.rows(query)}


def request(installation: Spread, parts: range) -> None:
    for part in parts:
        installation.deck.create_run(daemon_group_key=GROUPS[part % len(GROUPS)], args={"part": part})


def all_end(installation: Spread, count: int) -> None:
    query = "SELECT count(*) FROM runs_syncjobrun WHERE status = 'completed'"
    wait_until(lambda: installation.deck.rows(query) == [(count,)], 240, f"{count} completed runs")


def cut_off_and_back(installation: Spread, gate: Gate) -> float:
    """Cut a host off while all of its workers are at a run. Returns the seconds until the other one has those runs."""
    gate.await_arrival()
    wait_until(lambda: len(held_by(installation, "two")) == SLOTS * len(GROUPS), 30, "work for every worker")
    lost = held_by(installation, "two")
    begun = time.monotonic()
    installation.network.hosts["two"].cut()
    gate.open()
    wait_until(lambda: not lost & held_by(installation, "two"), 60, f"a takeover of {lost}")
    seconds = time.monotonic() - begun
    installation.network.hosts["two"].mend()
    wait_until(lambda: installation.is_active("two"), 60, "a sign of life of the host that was cut off")
    return seconds


def is_as_if_nothing_had_happened(installation: Spread, count: int) -> None:
    """Each run has ended once with all of its records, and only daemons of its group were ever at it."""
    rows = installation.deck.rows
    runs = all_runs(installation)
    assert len(runs) == count
    assert [run["id"] for run in runs if run["resource_stats"] != COUNTED or run["error_count"]] == []
    assert rows("SELECT count(*), count(DISTINCT record_id) FROM runs_record") == [(count * PAGES * PAGE,) * 2]
    assert rows(
        "SELECT kind, count(*) FROM runs_runevent WHERE kind IN ('started', 'completed') GROUP BY 1 ORDER BY 1"
    ) == [
        ("completed", count),
        ("started", count),
    ]
    strangers = """SELECT count(*) FROM runs_runevent e JOIN runs_syncjobrun r ON r.id = e.run_id
        WHERE kind IN ('started', 'worker_lost') AND actor NOT LIKE 'daemon-' || daemon_group_key || '-%'"""
    assert rows(strangers) == [(0,)]


def all_runs(installation: Spread) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = installation.deck.get(f"/sync-job-run?limit=1000&next_cursor={cursor}")
        found, cursor = found + page["result"], page["next_cursor"]
    return found


def is_carried_through(installation: Spread, runs: int) -> None:
    """`runs` runs, of which some are held by a host that is cut off, and others after it is back and alone."""
    with serving({"items": items(runs + AFTERWARDS)}, installation.network.outside) as source:
        define(installation, source)
        gate = source.before = Gate(answered=runs * PAGES // 4)
        request(installation, range(runs))
        seconds = cut_off_and_back(installation, gate)
        all_end(installation, runs)

        installation.end_daemons("one")
        request(installation, range(runs, runs + AFTERWARDS))
        all_end(installation, runs + AFTERWARDS)

    assert seconds < LEASE + SWEEP + MARGIN
    is_as_if_nothing_had_happened(installation, runs + AFTERWARDS)


@pytest.fixture
def servers() -> None:
    if missing := lacking():
        pytest.skip(f"Missing: {', '.join(missing)}")


@pytest.fixture
def own_hosts(servers: None) -> None:
    if reason := lacking_for_namespaces():
        pytest.skip(f"No hosts of its own: {reason}")


def test_500_runs_on_redis(own_hosts: None, tmp_path: Path) -> None:
    with spread(own_redis, tmp_path, in_namespaces=True) as installation:
        is_carried_through(installation, 500)


def test_150_runs_on_rabbitmq(own_hosts: None, tmp_path: Path) -> None:
    if rabbitmq_server() is None:
        pytest.skip("Missing: rabbitmq-server")
    with spread(own_rabbit, tmp_path, in_namespaces=True) as installation:
        is_carried_through(installation, 150)
        assert isinstance(installation.broker, OwnRabbit)
        assert installation.broker.queues() == {f"sync.{group}": "quorum" for group in GROUPS}


def test_60_runs_where_there_are_no_hosts_but_processes(servers: None, tmp_path: Path) -> None:
    with spread(own_redis, tmp_path, in_namespaces=False) as installation:
        is_carried_through(installation, 60)
