"""`transform` and `spool`: entries that work on their parent's batches and ask the source for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from runs.engine import derived
from runs.models import Record, RunStatus, StagedParent, StepStatus
from tests.runs.engine.driving import a_run, again, executed, losing_daemons
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

COUNTRIES: dict[str, Any] = {"resource": "countries", "method": "list"}
SPOOL: dict[str, Any] = {"name": "all", "type": "spool", "depends_on": "countries"}


def transform(expression: str, **over: Any) -> dict[str, Any]:
    values = {"name": "slim", "type": "transform", "depends_on": "countries", "persist": True}
    return {**values, "config": {"expression": expression}, **over}


@pytest.fixture
def source() -> Iterator[Source]:
    """250 countries, which are three pages."""
    with serving(countries_and_cities(250, 0)) as found:
        yield found


def stored(resource: str = "slim") -> list[Any]:
    return [record.data for record in Record.objects.filter(resource=resource).order_by("record_id")]


def test_a_transform_makes_its_own_records_of_each_page(source: Source) -> None:
    run = executed(a_run(source, [COUNTRIES, transform('response.{"id": iso, "title": $uppercase(name)}')]))
    assert (run.status, run.error_count, len(source.served)) == (RunStatus.COMPLETED, 0, 3)
    assert run.resource_stats() == {
        "countries": {"list": {"fetched": 250, "persisted": 0}},
        "slim": {"transform": {"fetched": 250, "persisted": 250}},
    }
    assert stored()[7] == {"id": "C007", "title": "COUNTRY C007"}
    assert StagedParent.objects.count() == 0


def test_its_batches_are_the_pages(source: Source) -> None:
    executed(a_run(source, [COUNTRIES, transform('{"id": response[0].iso, "count": $count(response)}')]))
    assert [(data["id"], data["count"]) for data in stored()] == [("C000", 100), ("C100", 100), ("C200", 50)]


def test_the_records_also_stand_at_the_parents_path_and_args_are_in_scope(source: Source) -> None:
    expression = 'resources.land[name = $$.args.name].{"id": iso, "same": $count($$.resources.countries)}'
    entries = [{**COUNTRIES, "name": "land"}, transform(expression, depends_on="land")]
    executed(a_run(source, entries, args={"name": "Country C123"}))
    assert stored() == [{"id": "C123", "same": 100}]


def test_a_parents_name_may_be_a_path_as_unified_ones_are(source: Source) -> None:
    entries = [
        {**COUNTRIES, "name": "geo/lands"},
        transform('resources.geo.lands.{"id": iso}', depends_on="geo/lands"),
        transform('response.{"id": id, "above": $exists($$.resources.geo)}', depends_on="slim", name="last"),
    ]
    executed(a_run(source, entries))
    assert (len(stored()), stored("last")[0]) == (250, {"id": "C000", "above": False})


def test_null_drops_the_batch(source: Source) -> None:
    run = executed(a_run(source, [COUNTRIES, transform('response[0].iso = "C100" ? response : null')]))
    assert (run.error_count, run.steps.get(name="slim").fetched, len(stored())) == (0, 100, 100)


def test_without_persist_nothing_is_stored_and_children_see_the_result(source: Source) -> None:
    source.tables["countries"] = source.tables["countries"][:1]
    source.tables["countries"][0]["regions"] = ["north", "south"]
    entries = [
        COUNTRIES,
        transform("response.regions", name="regions", persist=False),
        {
            "resource": "cities",
            "method": "list",
            "depends_on": "regions",
            "query": {"region": "{{resources.regions}}"},
        },
    ]
    run = executed(a_run(source, entries))
    assert {request.query["region"] for request in source.requests("/cities")} == {"north", "south"}
    assert (run.error_count, Record.objects.count()) == (0, 0)


def test_a_child_of_a_transform_still_sees_the_grandparent_of_its_batch() -> None:
    with serving(countries_and_cities(2, 3)) as source:
        entries = [
            COUNTRIES,
            {
                "resource": "cities",
                "method": "list",
                "depends_on": "countries",
                "name": "of each",
                "query": {"country": "{{resources.countries.iso}}"},
            },
            transform('response[0].{"id": "first of " & country}', depends_on="of each", name="first"),
            {
                "resource": "cities",
                "method": "list",
                "name": "last",
                "depends_on": "first",
                "query": {"country": "{{resources.countries.iso}}", "of": "{{resources.first.id}}"},
            },
        ]
        executed(a_run(source, entries))
    seen = [request.query for request in source.requests("/cities") if "of" in request.query]
    assert {(query["country"], query["of"]) for query in seen} == {
        ("C000", "first of C000"),
        ("C001", "first of C001"),
    }


def test_a_transform_may_read_more_of_a_grandparent_than_placeholders_do() -> None:
    with serving(countries_and_cities(2, 1)) as source:
        child = {"resource": "cities", "method": "list", "depends_on": "countries"}
        entries = [
            COUNTRIES,
            {**child, "query": {"country": "{{resources.countries.iso}}"}},
            transform('{"id": response[0].geonameid, "country": resources.countries.name}', depends_on="cities"),
        ]
        executed(a_run(source, entries))
    assert [data["country"] for data in stored()] == ["Country C000", "Country C001"]


def test_a_spool_hands_all_batches_on_as_one(source: Source) -> None:
    total = transform('{"id": "total", "count": $count(response)}', depends_on="all")
    run = executed(a_run(source, [COUNTRIES, {**SPOOL, "persist": False}, total]))
    assert stored() == [{"id": "total", "count": 250}]
    assert run.resource_stats()["all"] == {"spool": {"fetched": 250, "persisted": 0}}
    assert [step.request_total for step in run.steps.all()] == [1, 1, 1]


def test_a_spool_may_be_stored_and_may_collect_transforms(source: Source) -> None:
    entries = [COUNTRIES, transform('response.{"id": iso}', persist=False), {**SPOOL, "depends_on": "slim"}]
    executed(a_run(source, [*entries[:2], {**entries[2], "persist": True}]))
    assert stored("all")[:2] == [{"id": "C000"}, {"id": "C001"}]
    assert len(stored("all")) == 250


def test_a_spool_over_its_bounds_is_an_error_that_says_so(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "MAX_RECORDS", 249)
    run = executed(a_run(source, [COUNTRIES, SPOOL]))
    error = run.record_errors.get()
    assert (error.resource, error.method, error.code) == ("all", "spool", "spool_too_large")
    assert "countries has brought more than 249 records" in error.message
    assert (run.status, run.steps.get(name="all").status) == (RunStatus.COMPLETED, StepStatus.FAILED)


def test_a_parent_without_records_leaves_nothing_to_do(source: Source) -> None:
    source.tables["countries"] = []
    run = executed(a_run(source, [COUNTRIES, SPOOL, transform("response", depends_on="all")]))
    assert (run.status, run.error_count, run.fetched) == (RunStatus.COMPLETED, 0, 0)


def test_a_batch_on_which_the_expression_fails_is_an_error_and_the_others_go_on(source: Source) -> None:
    source.tables["countries"][120]["name"] = ["not", "a", "name"]
    run = executed(a_run(source, [COUNTRIES, transform('response.{"id": iso, "title": $uppercase(name)}')]))
    error = run.record_errors.get()
    assert (error.resource, error.method, error.code) == ("slim", "transform", "transform_failed")
    assert error.message.startswith("The expression failed on page 2: ")
    assert (run.status, len(stored())) == (RunStatus.COMPLETED, 150)
    assert run.steps.get(name="slim").watermark is None
    assert run.steps.get(name="countries").watermark is not None


def test_results_without_an_id_are_quarantined(source: Source) -> None:
    run = executed(a_run(source, [COUNTRIES, transform('[{"id": 1}, {"no": "id"}, 7]')]))
    assert (run.error_count, {error.code for error in run.record_errors.all()}) == (6, {"no_id", "not_an_object"})
    assert stored() == [{"id": 1}]


def test_no_lost_daemon_and_no_end_of_a_slice_doubles_or_skips_a_batch(source: Source, settings: Any) -> None:
    settings.SLICE_SECONDS = settings.LINGER_SECONDS = 0
    child = {
        "resource": "countries",
        "method": "get",
        "id": "{{resources.every.id}}",
        "name": "each",
        "depends_on": "every",
    }
    entries = [
        {**COUNTRIES, "name": "many", "query": {"per_page": 10}},
        transform('{"id": response[0].iso, "count": $count(response)}', name="every", depends_on="many"),
        {**SPOOL, "depends_on": "every", "persist": True},
        child,
    ]
    run = a_run(source, entries)
    source.before = losing_daemons(run, every=9)
    run = executed(run)
    counts = {step.name: (step.fetched, step.pages) for step in run.steps.all()}
    assert (run.status, run.error_count) == (RunStatus.COMPLETED, 0)
    assert counts == {"many": (250, 26), "every": (25, 25), "all": (25, 1), "each": (25, 25)}
    assert [data["count"] for data in stored("every")] == [10] * 25


def test_a_failed_parent_holds_the_date_of_what_is_made_of_it(source: Source) -> None:
    entries = [{**COUNTRIES, "query": {"since": "{{previous_run_date}}"}}, transform("response")]
    source.before = failing_page("2")
    run = executed(a_run(source, entries))
    assert (run.error_count, run.steps.get(name="slim").watermark) == (1, None)
    source.before = None
    again(run)
    assert "since" not in source.served[-1].query


def failing_page(number: str) -> Any:
    def reply(request: Request) -> Response | None:
        return Response("no", 404) if request.args["page"] == number else None

    return reply
