"""Which requests an entry makes, and in which order they are numbered."""

from __future__ import annotations

from typing import Any

import pytest

from runs.connectors import RequestFailed, parse_integration
from runs.engine.bindings import Binding, bindings, first_parent, request_total, staged_data, staged_fields
from runs.engine.entries import parse_entries
from runs.engine.entry import Entry
from tests.factories import integration_config
from tests.runs.connectors.sources import spec

SPEC = parse_integration(integration_config())
COUNTRIES = {"resource": "countries", "method": "list"}
PARENTS = [(0, {"countries": {"iso": "DE"}}), (1, {"countries": {"iso": "FR"}})]


def entries(*resources: dict[str, Any]) -> tuple[Entry, ...]:
    return parse_entries(list(resources), SPEC)


def child(**over: Any) -> Entry:
    return entries(COUNTRIES, {"resource": "cities", "method": "list", "depends_on": "countries", **over})[1]


def queries(entry: Entry, args: dict[str, Any], parents: Any, start: int = 0) -> list[tuple[int, Any]]:
    found = bindings(entry, {"args": args}, parents, start)
    return [(binding.number, binding.request(entry).query) for binding in found]


def test_an_entry_by_itself_makes_one_request() -> None:
    assert queries(entries(COUNTRIES)[0], {}, None) == [(0, {})]


def test_a_child_makes_one_request_per_parent() -> None:
    entry = child(query={"c": "{{resources.countries.iso}}"})
    assert queries(entry, {}, PARENTS) == [(0, {"c": "DE"}), (1, {"c": "FR"})]


def test_parents_are_outermost_in_the_cross_product() -> None:
    entry = child(loop_on="n", query={"c": "{{resources.countries.iso}}", "n": "{{args.n:any}}"})
    numbered = queries(entry, {"n": [7, 8]}, PARENTS)
    assert numbered == [
        (0, {"c": "DE", "n": 7}),
        (1, {"c": "DE", "n": 8}),
        (2, {"c": "FR", "n": 7}),
        (3, {"c": "FR", "n": 8}),
    ]


def test_a_resumed_entry_starts_at_its_number() -> None:
    entry = child(loop_on="n", query={"n": "{{args.n:any}}"})
    first = first_parent(entry, {"n": [7, 8]}, 3)
    assert first == 1
    assert queries(entry, {"n": [7, 8]}, PARENTS[first:], start=3) == [(3, {"n": 8})]


@pytest.mark.parametrize(("parents", "total"), [(None, 2), (0, 0), (5, 10)])
def test_the_number_of_requests_is_known_beforehand(parents: int | None, total: int) -> None:
    assert request_total(child(loop_on="n"), {"n": [1, 2]}, parents) == total


def test_a_nested_argument_is_replaced_by_its_element() -> None:
    entry = entries({**COUNTRIES, "loop_on": "f.ids", "query": {"i": "{{args.f.ids:any}}", "o": "{{args.f.o}}"}})[0]
    assert queries(entry, {"f": {"ids": [1, 2], "o": "x"}}, None) == [(0, {"i": 1, "o": "x"}), (1, {"i": 2, "o": "x"})]


def test_an_id_that_stays_open_is_an_error_of_that_request() -> None:
    entry = entries({"resource": "countries", "method": "get", "id": "{{args.code}}"})[0]
    with pytest.raises(RequestFailed) as caught:
        Binding(0, {"args": {}}).request(entry)
    assert caught.value.code == "unresolved_id"


def test_without_a_previous_run_the_date_is_dropped_and_other_gaps_stay_as_text() -> None:
    query = {"since": "{{previous_run_date}}", "range": "from {{previous_run_date}}", "who": "{{args.who}}"}
    entry = entries({**COUNTRIES, "query": query})[0]
    assert queries(entry, {}, None) == [(0, {"who": "{{args.who}}"})]


def test_only_the_fields_that_others_refer_to_are_staged() -> None:
    parent, *_ = found = entries(
        COUNTRIES,
        {
            "resource": "cities",
            "method": "list",
            "depends_on": "countries",
            "query": {"a": "{{resources.countries.geo.lat}}"},
        },
        {
            "resource": "cities",
            "method": "list",
            "name": "x",
            "depends_on": "cities",
            "query": {"b": "{{resources.countries.iso}}"},
        },
    )
    fields = staged_fields(parent, found)
    record = {"iso": "DE", "geo": {"lat": 1}, "name": "Germany"}
    assert fields == {"geo", "iso"}
    assert staged_data(parent, record, fields, {}) == {"countries": {"iso": "DE", "geo": {"lat": 1}}}


def test_the_whole_record_is_staged_where_it_is_referred_to_as_such() -> None:
    found = entries(
        COUNTRIES,
        {
            "resource": "cities",
            "method": "list",
            "depends_on": "countries",
            "query": {"a": "{{resources.countries:json}}"},
        },
    )
    assert staged_fields(found[0], found) is None


def test_a_grandchild_sees_its_grandparent() -> None:
    parent = entries({**COUNTRIES, "name": "all"})[0]
    seen = staged_data(parent, {"iso": "DE"}, None, {"world": {"id": 1}})
    assert seen == {"world": {"id": 1}, "countries": {"iso": "DE"}, "all": {"iso": "DE"}}


def test_placeholders_see_the_context_without_its_credentials() -> None:
    context = {"token": "t", "api_key": "k", "subdomain": "acme"}
    assert SPEC.public_context(context) == {"subdomain": "acme"}


def test_credentials_are_known_at_any_depth_and_by_where_they_are_sent() -> None:
    of = spec(
        query={"api_key": "{{context.pat}}"},
        resources={
            "a": {"list": {"path": "/a", "headers": {"X-Token": "{{context.grants.0}}", "X-Org": "{{context.org}}"}}}
        },
    )
    context = {
        "pat": "p",
        "grants": ["g"],
        "org": "acme",
        "app": {"client_secret": "s", "name": "n", "users": [{"password": "p", "id": 1}]},
    }
    assert of.public_context(context) == {"org": "acme", "app": {"name": "n", "users": [{"id": 1}]}}


def test_a_transform_reads_its_parents_whole_records_and_a_spool_does_too() -> None:
    derived = {"name": "x", "type": "transform", "depends_on": "countries", "config": {"expression": "response"}}
    for last in (derived, {"name": "x", "type": "spool", "depends_on": "countries"}):
        found = entries(COUNTRIES, last)
        assert staged_fields(found[0], found) is None


@pytest.mark.parametrize(("expression", "fields"), [("response", {"iso"}), ("resources.countries.name", None)])
def test_of_a_grandparent_the_whole_record_is_kept_only_where_an_expression_may_read_it(
    expression: str, fields: Any
) -> None:
    cities = {"resource": "cities", "method": "list", "depends_on": "countries"}
    last = {"name": "x", "type": "transform", "depends_on": "cities", "config": {"expression": expression}}
    found = entries(COUNTRIES, {**cities, "query": {"c": "{{resources.countries.iso}}"}}, last)
    assert staged_fields(found[0], found) == fields


def test_a_further_request_has_what_the_recursion_says() -> None:
    recurse = {"if": "true", "config": {"id": "{{resources.countries.iso}}", "query": {"deep": "{{args.n:any}}"}}}
    entry = entries({**COUNTRIES, "query": {"size": 5}, "recurse": recurse})[0]
    roots = {"args": {"n": 7}, "resources": {"countries": {"iso": "DE"}}}
    further = Binding(3, roots, origin=0, depth=1)
    assert (further.request(entry).id, further.request(entry).query) == ("DE", {"size": 5, "deep": 7})
    assert (Binding(0, roots).request(entry).id, Binding(0, roots).request(entry).query) == (None, {"size": 5})
