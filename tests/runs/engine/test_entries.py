"""Entries are parsed once; every fault is told, with its path."""

from __future__ import annotations

from typing import Any

import pytest

from runs.connectors import parse_integration
from runs.engine.entries import parse_entries
from runs.engine.entry_options import loop_path
from runs.errors import InvalidInput
from tests.factories import COUNTRIES_AND_CITIES, integration_config

CONFIG = integration_config()
CONFIG["resources"]["countries"]["fetch"] = {"path": "/countries/{{id}}"}
SPEC = parse_integration(CONFIG)
COUNTRIES = {"resource": "countries", "method": "list"}
CITIES = {"resource": "cities", "method": "list"}
TRANSFORM = {"name": "x", "type": "transform", "depends_on": "countries", "config": {"expression": "response"}}


def failures_of(resources: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse_entries(resources, SPEC)
    return {failure.path: failure.message for failure in caught.value.failures}


def test_a_misshapen_entry_does_not_hide_what_is_wrong_with_the_others() -> None:
    resources = [
        7,
        {"resource": "countries"},
        {"resource": "cities", "method": "list", "depends_on": "countries", "query": {"since": "{{yesterday}}"}},
        {"resource": "rivers", "method": "list", "depends_on": "lakes"},
        {"resource": "cities", "method": "get"},
    ]

    assert set(failures_of(resources)) == {
        "resources.0",
        "resources.1.method",
        "resources.2.query.since",
        "resources.3.resource",
        "resources.3.depends_on",
        "resources.4.id",
    }


def test_a_job_has_a_bounded_number_of_entries() -> None:
    assert failures_of([COUNTRIES] * 5001) == {"resources": "must have at most 5000 entries."}


def test_what_is_told_of_many_faults_stays_readable() -> None:
    types = ":nope" * 5000
    many = [{**COUNTRIES, "depends_on": f"lakes {number}"} for number in range(1000)]

    (fault,) = failures_of([{**COUNTRIES, "query": {"a": f"{{{{args.x{types}}}}}"}}]).values()
    assert len(fault) < 500
    told = failures_of(many)
    assert len(told) == 1000
    assert "and 970 more" in told["resources.0.depends_on"]


def test_an_entry_knows_its_parent_by_the_parents_resource() -> None:
    countries, cities = parse_entries(COUNTRIES_AND_CITIES, SPEC)
    assert (countries.parent, cities.parent) == (None, "countries")


def test_a_get_may_depend_on_the_list_of_its_own_resource() -> None:
    get = {"resource": "countries", "method": "get", "id": "{{resources.countries.iso}}", "depends_on": "countries"}
    entries = parse_entries([COUNTRIES, get], SPEC)
    assert [entry.name for entry in entries] == ["countries", "countries get"]
    assert entries[1].parent == "countries"


def test_an_alias_is_what_depends_on_means_first() -> None:
    resources = [{**COUNTRIES, "name": "all"}, COUNTRIES, {**CITIES, "depends_on": "all"}]
    assert [entry.parent for entry in parse_entries(resources, SPEC)] == [None, None, "all"]


@pytest.mark.parametrize(
    ("resources", "path", "expected"),
    [
        ([], "resources", "at least one"),
        ("countries", "resources", "a list"),
        ([7], "resources.0", "an object"),
        ([{"method": "list"}], "resources.0.resource", "required"),
        ([{"resource": "countries"}], "resources.0.method", "required"),
        ([{"resource": "planets", "method": "list"}], "resources.0.resource", "countries"),
        ([{"resource": "countries", "method": "fly"}], "resources.0.resource", "list"),
        ([{**COUNTRIES, "query": []}], "resources.0.query", "an object"),
        ([{**COUNTRIES, "persist": "yes"}], "resources.0.persist", "true or false"),
        ([{"resource": "countries", "method": "get"}], "resources.0.id", "required"),
        ([{**COUNTRIES, "depends_on": "planets"}], "resources.0.depends_on", "not among the entries: countries"),
        ([{**COUNTRIES, "depends_on": "countries"}], "resources.0.depends_on", "itself"),
        (
            [COUNTRIES, COUNTRIES, {**CITIES, "depends_on": "countries"}],
            "resources.2.depends_on",
            "give the entries a name",
        ),
        ([{**COUNTRIES, "name": "x"}, {**CITIES, "name": "x"}], "resources.0.name", "more than one"),
        ([{**COUNTRIES, "query": {"q": "{{args.q:colour}}"}}], "resources.0.query.q", "colour"),
        ([{**COUNTRIES, "query": {"q": "{{secrets.q}}"}}], "resources.0.query.q", "secrets is not known"),
        ([{**COUNTRIES, "loop_on": 7}], "resources.0.loop_on", "args.user_ids"),
        ([{**COUNTRIES, "loop_on": {"a": None, "b": None}}], "resources.0.loop_on", "an argument"),
        ([{**COUNTRIES, "loop_on": "resources.x.ids"}], "resources.0.loop_on", "put a transform in between"),
        ([{**COUNTRIES, "loop_on": "ids:any"}], "resources.0.loop_on", "an argument"),
        ([{"resource": "countries", "method": "fetch"}], "resources.0.id", "the path /countries/{{id}} of fetch"),
        ([{**COUNTRIES, "type": "filter"}], "resources.0.type", "request, transform, spool"),
        ([{**COUNTRIES, "type": ["spool"]}], "resources.0.type", "request, transform, spool"),
        ([{"type": "spool", "depends_on": "x"}], "resources.0.name", "required"),
        ([COUNTRIES, {"name": "x", "type": "spool"}], "resources.1.depends_on", "required by a spool"),
        ([COUNTRIES, {**TRANSFORM, "loop_on": "ids"}], "resources.1.loop_on", "does not belong"),
        ([COUNTRIES, {**TRANSFORM, "config": None}], "resources.1.config.expression", "required"),
        ([COUNTRIES, {**TRANSFORM, "config": []}], "resources.1.config", "an object"),
        ([COUNTRIES, {**TRANSFORM, "config": {"expression": "a ("}}], "resources.1.config.expression", "no JSONata"),
        ([{**COUNTRIES, "recurse": "yes"}], "resources.0.recurse", "an object"),
        ([{**COUNTRIES, "recurse": {"config": {"id": "1"}}}], "resources.0.recurse.if", "required"),
        ([{**COUNTRIES, "recurse": {"if": "true", "config": {}}}], "resources.0.recurse.config", "an id, a query"),
        ([{**COUNTRIES, "recurse": {"if": "true", "config": {"id": []}}}], "resources.0.recurse.config.id", "a text"),
        ([{**COUNTRIES, "recurse": {"if": "true", "config": {"query": 1}}}], "resources.0.recurse.config.query", "an"),
        (
            [{**COUNTRIES, "recurse": {"if": "true", "config": {"query": {"q": "{{nope.x}}"}}}}],
            "resources.0.recurse.config.query.q",
            "nope is not known",
        ),
        ([{**COUNTRIES, "delete_tracking": "yes", "persist": True}], "resources.0.delete_tracking", "soft"),
        ([{**COUNTRIES, "delete_tracking": "soft"}], "resources.0.delete_tracking", "persist"),
        (
            [{"resource": "countries", "method": "get", "id": 1, "delete_tracking": "soft", "persist": True}],
            "resources.0.delete_tracking",
            "a list of all records",
        ),
        (
            [{**COUNTRIES, "delete_tracking": "hard", "persist": True}, {**COUNTRIES, "name": "x", "persist": True}],
            "resources.0.delete_tracking",
            "another entry",
        ),
    ],
)
def test_a_fault_is_told_with_its_path_and_what_was_expected(resources: Any, path: str, expected: str) -> None:
    assert expected in failures_of(resources)[path]


def test_a_transform_and_a_spool_are_known_by_their_names() -> None:
    spool = {"name": "all", "type": "spool", "depends_on": "x", "persist": True}
    child = {**CITIES, "depends_on": "all"}
    entries = parse_entries([COUNTRIES, TRANSFORM, spool, child], SPEC)
    assert [(entry.resource, entry.method, entry.parent) for entry in entries[1:]] == [
        ("x", "transform", "countries"),
        ("all", "spool", "x"),
        ("cities", "list", "all"),
    ]


def test_what_a_recursion_says_is_laid_over_the_request() -> None:
    recurse = {"if": "response.more", "config": {"query": {"of": "{{resources.countries.iso}}"}}}
    entry = parse_entries([{**COUNTRIES, "id": "1", "query": {"of": "", "size": 5}, "recurse": recurse}], SPEC)[0]
    expected = {"id": "1", "query": {"of": "{{resources.countries.iso}}", "size": 5}, "body": None}
    assert entry.recursed_parts == expected


def test_a_cycle_is_named() -> None:
    resources = [{**COUNTRIES, "depends_on": "cities"}, {**CITIES, "depends_on": "countries"}]
    assert failures_of(resources) == {"resources.0.depends_on": "is a cycle: countries → cities → countries."}


def test_all_faults_are_told_at_once() -> None:
    resources = [{"resource": "planets", "method": "list"}, {**CITIES, "depends_on": "moons"}]
    assert set(failures_of(resources)) == {"resources.0.resource", "resources.1.depends_on"}


def test_all_faults_of_placeholders_in_an_entry_are_told_at_once() -> None:
    query = {"a": "{{args.x:colour}}", "b": "{{nope.x}}"}
    found = failures_of([{**COUNTRIES, "query": query, "body": ["{{other.y:shape}}"]}])
    assert set(found) == {"resources.0.query.a", "resources.0.query.b", "resources.0.body.0"}


def test_a_chain_of_five_thousand_entries_is_no_problem() -> None:
    chain = [{**COUNTRIES, "name": "0"}]
    chain += [{**COUNTRIES, "name": str(number), "depends_on": str(number - 1)} for number in range(1, 5000)]
    assert len(parse_entries(chain, SPEC)) == 5000


@pytest.mark.parametrize(
    "spelling",
    [
        *("user_ids", "args.user_ids", "{{args.user_ids}}", "{{ args.user_ids }}", "{{user_ids}}"),
        *({"{ args.user_ids }": None}, {"args.user_ids": None}),
    ],
)
def test_all_spellings_of_loop_on_mean_the_same(spelling: Any) -> None:
    assert loop_path(spelling) == "user_ids"
