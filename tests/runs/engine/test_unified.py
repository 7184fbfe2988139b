"""Entries of the Unified API, from the source to the record store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runs.engine.runner import execute_slice
from runs.errors import InvalidInput
from runs.models import IntegratedAccount, Record, RunStatus, SyncJobRun, UnifiedMapping
from tests import factories
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = {"resource": "geo/places", "method": "list"}
PICKY = "{'id': response.iso, 'name': response.name, 'area': $number(response.area)}"


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(4, 2)) as found:
        for country in found.tables["countries"]:
            country["area"] = "10"
        yield found


@pytest.fixture
def account(source: Source) -> IntegratedAccount:
    return factories.account(integration=factories.integration(config=factories.integration_config(source.url)))


@pytest.fixture
def mapping(account: IntegratedAccount) -> UnifiedMapping:
    return factories.mapping(integration=account.integration)


def executed(account: IntegratedAccount, *entries: dict[str, Any], **over: Any) -> SyncJobRun:
    job = over.pop("job", None) or factories.job(integration=account.integration, resources=list(entries) or [PLACES])
    run = factories.run(account=account, job=job, **over)
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    return run


def stored(resource: str = "geo/places") -> dict[str, Any]:
    return dict(Record.objects.filter(resource=resource).values_list("record_id", "data"))


def test_a_unified_record_is_stored_whatever_persist_says_with_the_raw_one_in_it(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    run = executed(account, {**PLACES, "persist": False})
    assert run.resource_stats() == {"geo/places": {"list": {"fetched": 4, "persisted": 4}}}
    assert stored()["C001"] == {"id": "C001", "name": "Country C001", "remote_data": source.tables["countries"][1]}


def test_children_see_the_unified_record_and_what_it_was_made_of(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    query = {"country": "{{resources.geo.places.remote_data.iso}}", "label": "{{resources.geo.places.name}}"}
    child = {"resource": "cities", "method": "list", "depends_on": "geo/places", "persist": True, "query": query}
    run = executed(account, PLACES, child)
    assert (run.status, run.fetched, len(stored("cities"))) == (RunStatus.COMPLETED, 12, 8)
    assert {request.query["label"] for request in source.requests("/cities")} == {f"Country C00{n}" for n in range(4)}


def test_the_layers_lie_one_over_the_other(account: IntegratedAccount, mapping: UnifiedMapping) -> None:
    mapping.override = {"response_mapping": "{'id': response.iso, 'name': 'of the environment'}"}
    mapping.save()
    executed(account)
    assert stored()["C000"]["name"] == "of the environment"
    account.unified_model_override = {
        "geo": {"places": {"list": {"response_mapping": "{'id': response.iso, 'name': 'of the account'}"}}}
    }
    account.save()
    executed(account)
    assert stored()["C000"]["name"] == "of the account"


def test_an_account_may_add_a_method_that_the_base_lacks(account: IntegratedAccount, mapping: UnifiedMapping) -> None:
    one = {"resource": "countries", "method": "get", "response_mapping": {"id": "response.iso"}}
    account.unified_model_override = {"geo": {"places": {"get": one}}}
    account.save()
    entry = {"resource": "geo/places", "method": "get", "id": "C002"}
    assert executed(account, entry).status == RunStatus.COMPLETED
    assert list(stored()) == ["C002"]
    other = factories.account(integration=account.integration)
    with pytest.raises(InvalidInput, match="get"):
        executed(other, entry)


def test_a_record_that_cannot_be_mapped_is_that_records_error(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    source.tables["countries"][2]["area"] = "unknown"
    mapping.config = {**mapping.config, "response_mapping": PICKY}
    mapping.save()
    run = executed(account)
    error = run.record_errors.get()
    assert (run.status, run.fetched, run.persisted, run.error_count) == (RunStatus.COMPLETED, 4, 3, 1)
    assert (error.code, error.record_id, error.resource, error.method) == ("mapping_failed", "C002", *PLACES.values())
    assert (error.is_quarantine, "unknown" in error.excerpt) == (False, True)


def test_it_holds_the_date_and_a_quarantined_one_does_not(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    source.tables["countries"][2]["iso"] = None
    mapping.config = {**mapping.config, "response_mapping": PICKY}
    mapping.save()
    run = executed(account)
    assert (run.error_count, run.steps.get().watermark) == (1, run.started_at)
    source.tables["countries"][3]["area"] = "unknown"
    run = executed(account)
    assert (run.error_count, run.steps.get().watermark) == (2, None)


def test_it_ends_a_run_that_fails_fast_and_the_others_are_stored(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    source.tables["countries"][2]["area"] = "unknown"
    mapping.config = {**mapping.config, "response_mapping": PICKY}
    mapping.save()
    run = executed(account, error_handling="fail_fast")
    assert run.error is not None
    assert (run.status, run.error["code"], run.error["resource"]) == (RunStatus.FAILED, "mapping_failed", "geo/places")
    assert (run.persisted, run.error_count) == (3, 1)


def test_a_record_that_cannot_be_mapped_has_no_children_and_the_others_have(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    source.tables["countries"][1]["area"] = "unknown"
    mapping.config = {**mapping.config, "response_mapping": PICKY}
    mapping.save()
    query = {"country": "{{resources.geo.places.id}}"}
    run = executed(
        account, PLACES, {"resource": "cities", "method": "list", "depends_on": "geo/places", "query": query}
    )
    asked = [request.query["country"] for request in source.requests("/cities")]
    step = run.steps.get(name="cities")
    assert (sorted(asked), step.position, step.request_total) == (["C000", "C002", "C003"], 3, 3)


def test_parents_are_numbered_without_gaps_over_pages(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping, settings: Any
) -> None:
    for number, country in enumerate(source.tables["countries"]):
        country["area"] = "unknown" if number % 2 == 0 else "1"
    account.integration.config["pagination"]["config"]["limit"] = 1
    account.integration.save()
    mapping.config = {**mapping.config, "response_mapping": PICKY}
    mapping.save()
    settings.SLICE_SECONDS = 0  # each batch in a slice of its own, as after a change of daemons
    query = {"country": "{{resources.geo.places.id}}"}
    run = executed(
        account, PLACES, {"resource": "cities", "method": "list", "depends_on": "geo/places", "query": query}
    )
    while run.is_live:
        execute_slice(run.id, "d1")
        run.refresh_from_db()
    step = run.steps.get(name="cities")
    assert {request.query["country"] for request in source.requests("/cities")} == {"C001", "C003"}
    assert (step.position, step.request_total, run.error_count) == (2, 2, 2)


def test_a_changed_mapping_starts_with_a_full_sync(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    entry = {**PLACES, "query": {"since": "{{previous_run_date}}"}}
    job = factories.job(integration=account.integration, resources=[entry])
    for _ in range(2):
        executed(account, job=job)
    assert "since" in source.requests("/countries")[-1].query
    mapping.override = {"response_mapping": "{'id': response.iso}"}
    mapping.save()
    executed(account, job=job)
    assert "since" not in source.requests("/countries")[-1].query


def test_the_query_of_an_entry_goes_through_the_query_mapping(
    source: Source, account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    mapping.config = {**mapping.config, "query_mapping": {"name": "query.title"}}
    mapping.save()
    executed(account, {**PLACES, "query": {"title": "{{args.name}}"}}, args={"name": "Country C003"})
    assert list(stored()) == ["C003"]


def test_a_mapping_that_is_gone_fails_the_run_by_name(account: IntegratedAccount, mapping: UnifiedMapping) -> None:
    job = factories.job(integration=account.integration, resources=[PLACES])
    run = factories.run(account=account, job=job)
    mapping.delete()
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "definition")
    assert "geo/places" in run.error["message"]


def test_an_unknown_unified_resource_is_refused_with_those_there_are(
    account: IntegratedAccount, mapping: UnifiedMapping
) -> None:
    with pytest.raises(InvalidInput) as caught:
        executed(account, {"resource": "geo/rivers", "method": "list"}, {**PLACES, "method": "get", "id": "1"})
    river, method = caught.value.failures
    assert (river.path, "geo/places" in river.message) == ("resources.0.resource", True)
    assert (method.path, "list" in method.message) == ("resources.1.resource", True)
