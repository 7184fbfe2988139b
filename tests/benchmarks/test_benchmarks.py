"""The benchmarks still work: every part once, with a small load. What they measure is not judged here."""

from __future__ import annotations

import pytest

from tests import services
from tests.benchmarks import dashboard
from tests.benchmarks.dashboard import ANSWERED


def test_every_page_of_the_dashboard_answers_at_a_small_load() -> None:
    if lacking := services.lacking():
        pytest.skip(f"the load is made by PostgreSQL: no answer from {' and '.join(lacking)}")

    figures = dashboard.measured(runs=300, rounds=1)

    assert {figure.page: figure.status for figure in figures if figure.status not in ANSWERED} == {}
    assert all(figure.p50 > 0 for figure in figures)
    assert {figure.page: figure.queries for figure in figures if figure.queries > figure.most_queries} == {}
