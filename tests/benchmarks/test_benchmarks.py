"""The benchmarks still work: every part once, with a small load. What they measure is not judged here."""

from __future__ import annotations

import pytest

from tests import services
from tests.benchmarks import control, dashboard, polls, records


@pytest.fixture(autouse=True)
def _servers() -> None:
    if lacking := services.lacking():
        pytest.skip(f"the load is made by PostgreSQL: no answer from {' and '.join(lacking)}")


def test_every_page_that_is_read_is_measured_and_answers_at_a_small_load() -> None:
    figures = dashboard.measured(runs=1_000, rounds=1)

    assert {figure.page: figure.wrong for figure in figures if figure.wrong is not None} == {}
    assert all(figure.p50 > 0 for figure in figures)
    assert {figure.page: figure.queries for figure in figures if figure.queries > figure.most_queries} == {}


def test_records_are_moved_by_a_real_daemon_and_told_in_a_table() -> None:
    speeds = records.measured(count=2_500, rounds=1, with_peers=False)

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
