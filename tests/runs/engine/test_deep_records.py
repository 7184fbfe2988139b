"""A record without a bottom is quarantined, and costs its run nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from runs.models import Record, RunStatus, SyncJobRun
from tests import factories
from tests.runs.engine.driving import a_run, executed
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[150, 900, 20_000])
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """Twelve countries, of which the fourth is nested so many levels deep."""
    bottomless = "[" * request.param + "]" * request.param

    def countries(asked: Request) -> Response | None:
        if asked.path != "/countries":
            return None
        rows = [json.dumps(row) for row in found.tables["countries"]]
        rows[3] = rows[3].removesuffix("}") + f', "deep": {bottomless}}}'
        return Response(f'{{"data": [{", ".join(rows)}]}}', mimetype="application/json")

    with serving(countries_and_cities(12, 2)) as found:
        found.before = countries
        yield found


def quarantined(run: SyncJobRun) -> Any:
    """The run's only error."""
    assert (run.status, run.error_count) == (RunStatus.COMPLETED, 1)
    error = run.record_errors.get()
    assert (error.is_quarantine, error.code, error.record_id) == (True, "too_deep", "C003")
    return error


def test_it_is_quarantined_with_its_reason_and_the_others_are_stored(source: Source) -> None:
    run = executed(a_run(source, factories.COUNTRIES_AND_CITIES[:1]))

    assert "nested deeper than 100 levels" in quarantined(run).message
    assert (run.fetched, run.persisted, Record.objects.count()) == (12, 11, 11)
    assert run.steps.get().watermark is not None


def test_those_that_depend_on_the_others_are_asked_for(source: Source) -> None:
    run = executed(a_run(source, factories.COUNTRIES_AND_CITIES))

    quarantined(run)
    assert len(source.requests("/cities")) == 11


def test_an_entry_that_only_hands_its_records_on_tells_of_it_too(source: Source) -> None:
    countries, cities = factories.COUNTRIES_AND_CITIES
    run = executed(a_run(source, [{**countries, "persist": False}, cities]))

    quarantined(run)
    assert run.persisted == 22


def test_no_mapping_sees_it(source: Source) -> None:
    account = factories.account(integration=factories.integration(config=factories.integration_config(source.url)))
    factories.mapping(integration=account.integration)
    job = factories.job(integration=account.integration, resources=[{"resource": "geo/places", "method": "list"}])
    run = executed(factories.run(account=account, job=job))

    quarantined(run)
    assert run.persisted == 11
