"""The benchmarks still work: every part once, with a small load. What they measure is not judged here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import services
from tests.benchmarks import control, crowd, dashboard, mapping, memory, polls, records, sqlite, waits
from tests.benchmarks.stage import TEMPLATE
from tests.processes import Processes


@pytest.fixture(scope="module", autouse=True)
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """With a database whose tables are made, of which each part gets a copy: to make them takes seven seconds."""
    if lacking := services.lacking():
        pytest.skip(f"the load is made by PostgreSQL: no answer from {' and '.join(lacking)}")
    name, folder = f"syncdeck_bench_{os.getpid()}", tmp_path_factory.mktemp("template")
    with services.own_database(name) as url, pytest.MonkeyPatch.context() as patch:
        made = Processes(folder).run("migrate", DATABASE_URL=url, DATA_DIR=str(folder))
        assert made.returncode == 0, made.stderr
        patch.setenv(TEMPLATE, name)
        yield


def test_every_page_that_is_read_is_measured_and_answers_at_a_small_load() -> None:
    figures = dashboard.measured(runs=1_000, rounds=1)

    assert {figure.page: figure.wrong for figure in figures if figure.wrong is not None} == {}
    assert all(figure.p50 > 0 for figure in figures)
    assert {figure.page: figure.queries for figure in figures if figure.queries > figure.most_queries} == {}


def test_records_are_moved_by_a_real_daemon_and_told_in_a_table() -> None:
    speeds = records.measured(count=2_500, rounds=1, with_others=False)

    (ours,) = speeds
    assert len(ours.first) == len(ours.again) == 1
    assert min(ours.first + ours.again) > 0
    assert ours.memory > 0
    assert "| Syncdeck |" in records.table(2_500, speeds)


def test_polls_are_answered_by_a_real_web_process() -> None:
    rates = polls.measured(rounds=1, seconds=0.1)

    statuses = {rate.name: set(rate.statuses) for rate in rates}
    assert statuses[polls.BARE] == {"200"}
    assert all("204" in statuses[name] for name in (polls.UNCHANGED, polls.LIST))
    assert statuses[polls.CHANGED] == statuses[polls.MANY] == {"200"}
    assert "| a run's page, unchanged |" in polls.table(rates)


def test_the_way_from_a_wish_to_the_source_is_measured_beside_bare_tasks() -> None:
    found = control.measured(runs=8, posts=2, waiting=1_000, rounds=1)

    assert min(found.latency.ours + found.latency.bare + found.drain.ours + found.drain.bare) > 0
    assert set(found.claims) == {"0", "1000"}
    assert "| 1,000 queued |" in control.table(found)


def test_a_crowd_is_queued_and_waits_for_limits() -> None:
    queued, live = crowd.measured(queued=1_000, looks=3, limited=4, slow=2, retry_after=5)

    assert min(queued.claim_p50, queued.list_p50, live.memory) > 0
    assert (live.live, live.limited) == (6, 4)
    assert "| list of runs, p95, ms |" in crowd.table(1_000, (queued, live))


def test_waits_are_measured_with_several_fetchers_and_with_children() -> None:
    figures = waits.measured(records=500, parents=20, rounds=1)

    assert min(figures.one_fetcher + figures.several_fetchers + figures.one_by_one + figures.side_by_side) > 0
    assert "| 20 parents, each" in waits.table(figures)


def test_an_installation_without_servers_is_measured_too() -> None:
    loads = sqlite.measured(2_500, rounds=1, with_others=False)

    assert min(loads.first + loads.again) > 0
    assert "into SQLite" in sqlite.table(loads)


def test_records_are_mapped_and_told_beside_unmapped_ones() -> None:
    rates = mapping.measured(2_500, rounds=1)

    assert min(rates.unmapped + rates.mapped) > 0
    assert "| share |" in mapping.table(rates)


def test_the_memory_of_a_daemon_is_told_for_a_small_and_a_large_run() -> None:
    peaks = memory.measured(records=(100, 200), parents=None)

    assert min(peaks[0].small, peaks[0].large) > 0
    assert "100 and 200 records" in memory.table(peaks)
