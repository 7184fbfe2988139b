"""A run from its first page to its end, against a source on a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from werkzeug import Request, Response

from runs.engine.claim import claim
from runs.engine.run_slice import RunSlice
from runs.engine.runner import execute_slice
from runs.errors import RunFailed
from runs.models import (
    AccountStatus,
    Daemon,
    DaemonStatus,
    EventKind,
    Record,
    RunStatus,
    StagedParent,
    StepStatus,
    SyncJobRun,
)
from tests import factories
from tests.sources import Source, countries_and_cities, json_response, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(12, 5)) as found:
        yield found


def run_against(source: Source, resources: list[dict[str, Any]] | None = None, **over: Any) -> SyncJobRun:
    """A run of these entries against the source, executed for one slice."""
    return executed(a_run(source, resources, **over))


def a_run(source: Source, resources: list[dict[str, Any]] | None = None, **over: Any) -> SyncJobRun:
    if "job" not in over:
        integration = factories.integration(config=factories.integration_config(source.url))
        over["account"] = factories.account(integration=integration)
        over["job"] = factories.job(integration=integration, resources=resources or factories.COUNTRIES_AND_CITIES)
    return factories.run(**over)


def executed(run: SyncJobRun) -> SyncJobRun:
    execute_slice(run.id, "test-daemon")
    run.refresh_from_db()
    return run


def test_parents_and_the_children_of_each_are_stored(source: Source) -> None:
    run = run_against(source)
    assert (run.status, run.error) == (RunStatus.COMPLETED, None)
    assert run.resource_stats() == {
        "countries": {"list": {"fetched": 12, "persisted": 12}},
        "cities": {"list": {"fetched": 60, "persisted": 60}},
    }
    assert (run.fetched, run.persisted, Record.objects.count()) == (72, 72, 72)
    assert {request.query["country"] for request in source.requests("/cities")} == {f"C{n:03}" for n in range(12)}


def test_the_timeline_tells_the_run_from_its_creation_to_its_end(source: Source) -> None:
    run = run_against(source)
    kinds = [event.kind for event in run.events.all()]
    step = [EventKind.STEP_STARTED, EventKind.STEP_FINISHED]
    assert kinds == [EventKind.CREATED, EventKind.STARTED, *step, *step, EventKind.COMPLETED]
    assert run.finished_at is not None
    assert run.started_at is not None
    assert run.started_at <= run.finished_at


def test_what_was_staged_for_the_children_is_gone_at_the_end(source: Source) -> None:
    run_against(source)
    assert StagedParent.objects.count() == 0


def test_the_second_run_of_an_unchanged_source_rewrites_no_record(source: Source) -> None:
    first = run_against(source)
    before = list(Record.objects.order_by("id").values_list("id", "updated_at", "last_run_id"))
    second = run_against(source, job=first.sync_job, account=first.integrated_account)
    assert (second.fetched, second.persisted) == (72, 72)
    assert list(Record.objects.order_by("id").values_list("id", "updated_at", "last_run_id")) == before


def test_an_entry_that_does_not_persist_is_counted_and_handed_to_its_children(source: Source) -> None:
    resources = [{**factories.COUNTRIES_AND_CITIES[0], "persist": False}, factories.COUNTRIES_AND_CITIES[1]]
    run = run_against(source, resources)
    assert run.resource_stats()["countries"]["list"] == {"fetched": 12, "persisted": 0}
    assert set(Record.objects.values_list("resource", flat=True)) == {"cities"}


def test_a_get_fetches_one_record_by_its_id(source: Source) -> None:
    run = run_against(
        source,
        [{"resource": "countries", "method": "get", "id": "{{args.code}}", "persist": True}],
        args={"code": "C003"},
    )
    assert (run.status, Record.objects.get().record_id) == (RunStatus.COMPLETED, "C003")


def test_a_loop_repeats_the_request_per_element(source: Source) -> None:
    entry = {
        "resource": "cities",
        "method": "list",
        "loop_on": "codes",
        "query": {"country": "{{args.codes}}"},
        "persist": True,
    }
    run = run_against(source, [entry], args={"codes": ["C001", "C004"]})
    assert sorted(request.query["country"] for request in source.requests("/cities")) == ["C001", "C004"]
    assert run.fetched == 10


def test_a_loop_and_a_parent_make_the_cross_product(source: Source) -> None:
    child = {
        **factories.COUNTRIES_AND_CITIES[1],
        "loop_on": "{{args.names}}",
        "query": {"country": "{{resources.countries.iso}}", "name": "{{args.names}}"},
    }
    run = run_against(source, [factories.COUNTRIES_AND_CITIES[0], child], args={"names": ["City 0", "City 3"]})
    assert (len(source.requests("/cities")), run.resource_stats()["cities"]["list"]["fetched"]) == (24, 24)


def test_pages_are_followed_to_the_end() -> None:
    with serving(countries_and_cities(250, 0)) as source:
        run = run_against(source, factories.COUNTRIES_AND_CITIES[:1])
        assert [request.query["page"] for request in source.requests("/countries")] == ["1", "2", "3"]
        assert run.fetched == 250


def failing_for(code: str, status: int) -> Any:
    def reply(request: Request) -> Response | None:
        return Response("no", status) if request.args.get("country") == code else None

    return reply


def test_ignore_records_the_error_and_goes_on(source: Source) -> None:
    source.before = failing_for("C005", 404)
    run = run_against(source)
    error = run.record_errors.get()
    assert (run.status, run.error_count, run.fetched) == (RunStatus.COMPLETED, 1, 67)
    assert (error.resource, error.method, error.status_code, error.is_quarantine) == ("cities", "list", 404, False)


def test_fail_fast_ends_the_run_at_the_first_error_and_keeps_what_is_stored(source: Source) -> None:
    source.before = failing_for("C005", 404)
    run = run_against(source, error_handling="fail_fast")
    assert run.status == RunStatus.FAILED
    assert run.error is not None
    assert (run.error["resource"], run.error["method"], run.error["status_code"]) == ("cities", "list", 404)
    assert (run.persisted, Record.objects.count()) == (37, 37)
    assert run.steps.get(name="cities").status == StepStatus.FAILED


def test_fail_fast_holds_though_the_daemon_dies_right_after_the_error(source: Source) -> None:
    source.before = failing_for("C005", 404)
    run = a_run(source, error_handling="fail_fast")
    taken = claim(run.id, "d1")
    assert taken is not None
    with RunSlice(taken) as work, pytest.raises(RunFailed):
        work.run_to_end()
    run.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["status_code"], run.lease_token) == (RunStatus.FAILED, 404, None)


def test_odd_values_of_a_parent_reach_its_children_without_what_no_database_holds(source: Source) -> None:
    source.tables["countries"][0]["name"] = "A\0B"
    source.tables["countries"][1]["name"] = float("nan")
    query = {"country": "{{resources.countries.iso}}", "label": "{{resources.countries.name}}"}
    countries, cities = factories.COUNTRIES_AND_CITIES
    run = run_against(source, [countries, {**cities, "query": query}])
    labels = {request.query["country"]: request.query.get("label") for request in source.requests("/cities")}
    assert (run.status, run.error_count) == (RunStatus.COMPLETED, 1)
    assert (labels["C000"], labels["C001"]) == ("AB", None)


def test_a_refused_login_fails_every_run_and_marks_the_account(source: Source) -> None:
    source.before = lambda request: Response("who?", 401)
    run = run_against(source)
    assert (run.status, run.integrated_account.status) == (RunStatus.FAILED, AccountStatus.NEEDS_REAUTH)
    assert len(source.served) == 1


def test_a_failed_parent_has_no_children(source: Source) -> None:
    source.before = lambda request: Response("no", 404) if request.path == "/countries" else None
    run = run_against(source)
    assert (run.status, run.error_count, source.requests("/cities")) == (RunStatus.COMPLETED, 1, [])
    assert run.steps.get(name="countries").status == StepStatus.FAILED


def test_one_record_without_an_id_is_quarantined_and_the_others_are_stored(source: Source) -> None:
    source.tables["countries"][3].pop("iso")
    run = run_against(source, factories.COUNTRIES_AND_CITIES[:1])
    assert (run.status, run.fetched, run.persisted, run.error_count) == (RunStatus.COMPLETED, 12, 11, 1)
    assert run.record_errors.get().is_quarantine


def test_a_wrong_shape_is_an_error_and_never_no_records(source: Source) -> None:
    source.before = lambda request: json_response({"items": []})
    run = run_against(source, factories.COUNTRIES_AND_CITIES[:1])
    assert (run.error_count, run.fetched, run.steps.get().watermark) == (1, 0, None)


def test_a_long_wait_parks_the_run_and_frees_the_daemon(source: Source) -> None:
    source.before = lambda request: Response("", 429, {"Retry-After": "120"})
    run = run_against(source, factories.COUNTRIES_AND_CITIES[:1])
    assert (run.status, run.lease_token, run.rate_limited_until) == (RunStatus.RUNNING, None, run.resume_at)
    assert run.resume_at is not None
    assert len(source.served) == 1


def test_a_slice_that_is_over_goes_on_where_it_was(source: Source, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    run = run_against(source)
    slices = 1
    while run.is_live and slices < 50:
        run = executed(run)
        slices += 1
    assert (run.status, run.fetched, run.attempt) == (RunStatus.COMPLETED, 72, 1)
    assert slices > 1
    assert len(source.served) == 13


def test_a_daemon_that_has_to_end_does_not_wait_for_a_source_that_lets_it_wait(source: Source) -> None:
    values = {"group_key": "default", "status": DaemonStatus.STOPPING, "last_active_at": timezone.now()}
    Daemon.objects.create(daemon_id="test-daemon", **values)
    source.before = lambda request: Response("", 429, {"Retry-After": "25"})
    begun = time.monotonic()
    run = run_against(source)
    assert (run.status, run.lease_token, run.resume_at) == (RunStatus.RUNNING, None, None)
    assert time.monotonic() - begun < 12


def test_a_run_over_its_time_fails_by_name(source: Source, settings: Any) -> None:
    settings.RUN_TIMEOUT = 0
    run = run_against(source)
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "timeout")


def test_after_three_lost_daemons_without_a_page_the_run_fails(source: Source) -> None:
    run = factories.run()
    SyncJobRun.objects.filter(id=run.id).update(crashes=3)
    run = executed(run)
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "worker_lost")


def test_an_integration_that_no_longer_fits_fails_the_run_by_name(source: Source) -> None:
    run = factories.run()
    integration = run.integrated_account.integration
    integration.config = {"base_url": "http://127.0.0.1:9/", "resources": {}}
    integration.save()
    run = executed(run)
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "definition")


def test_a_run_of_one_page_takes_few_statements(source: Source, django_assert_max_num_queries: Any) -> None:
    """It is little else than statements, so each more of them is felt where runs come by the thousand."""
    countries, _ = factories.COUNTRIES_AND_CITIES
    first = run_against(source, [countries])
    run = factories.run(job=first.sync_job, account=first.integrated_account, ignore_previous_run=True, dispatch=False)
    with django_assert_max_num_queries(35):
        execute_slice(run.id, "test-daemon")
    run.refresh_from_db()
    assert (run.status, run.fetched) == (RunStatus.COMPLETED, 12)
