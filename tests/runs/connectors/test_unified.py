"""Unified mappings, without a database: parsed once, laid in layers, applied to each record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runs.connectors import FetchedPage, RequestFailed, RequestValues, SpecError, UnknownMethod, layered
from runs.connectors.unified import parse_mapping
from tests.runs.connectors import sources
from tests.sources import Source, serving

NAME = {"resource": "things", "response_mapping": "{'id': response.id, 'name': response.label}"}


def faults(config: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        parse_mapping(config, "crm/contacts", "list")
    return dict(caught.value.failures)


def fetched(config: dict[str, Any], rows: list[dict[str, Any]], query: dict[str, Any] | None = None) -> FetchedPage:
    return served(config, rows, query)[0]


def served(
    config: dict[str, Any], rows: list[dict[str, Any]], query: dict[str, Any] | None = None
) -> tuple[FetchedPage, Source]:
    """The page of the mapped list of things, and the source that served it."""
    with serving({"things": rows}) as source:
        spec = sources.spec(source.url)
        described = replace(spec, mappings={"crm/contacts": {"list": config}})
        with sources.client(described, wait=lambda seconds: None) as api:
            method = described.method("crm/contacts", "list")
            return api.fetch(method, RequestValues(query=query or {}), None), source


def test_the_unified_record_has_the_mapped_fields_and_keeps_the_raw_one() -> None:
    page = fetched(NAME, [{"id": 1, "label": "Ada"}])
    assert page.records == [{"id": 1, "name": "Ada", "remote_data": {"id": 1, "label": "Ada"}}]


def test_without_a_mapped_id_the_raw_records_own_is_taken() -> None:
    page = fetched({**NAME, "response_mapping": "{'name': response.label}"}, [{"id": 1, "label": "Ada"}])
    assert page.records[0]["id"] == 1


def test_a_mapping_may_be_an_object_of_texts_and_constants() -> None:
    mapping = {
        "id": "response.id",
        "name": {"full": "response.first & ' ' & response.last", "gone": "response.gone"},
        "kind": "'person'",
        "version": 2,
        "nothing": None,
    }
    page = fetched({**NAME, "response_mapping": mapping}, [{"id": 1, "first": "Ada", "last": "L"}])
    unified = {key: value for key, value in page.records[0].items() if key != "remote_data"}
    assert unified == {"id": 1, "name": {"full": "Ada L"}, "kind": "person", "version": 2, "nothing": None}


def test_a_mapping_sees_the_unified_query_and_the_context_without_credentials() -> None:
    mapping = "{'id': response.id, 'q': query.since, 'context': context}"
    page = fetched({**NAME, "response_mapping": mapping}, [{"id": 1}], {"since": "2026"})
    assert (page.records[0]["q"], page.records[0]["context"]) == ("2026", {})


@pytest.mark.parametrize("mapping", ["{'label': query.name}", {"label": "query.name"}])
def test_the_query_mapping_makes_the_query_that_is_sent(mapping: Any) -> None:
    _, source = served({**NAME, "query_mapping": mapping}, [], {"name": "Ada", "other": 1})
    assert source.served[0].query == {"label": "Ada"}


def test_without_a_query_mapping_the_query_is_passed_on() -> None:
    _, source = served(NAME, [], {"name": "Ada"})
    assert source.served[0].query == {"name": "Ada"}


def test_a_query_that_cannot_be_mapped_is_an_error_of_the_request() -> None:
    with pytest.raises(RequestFailed) as caught:
        fetched({**NAME, "query_mapping": "$number(query.name)"}, [], {"name": "Ada"})
    assert caught.value.code == "mapping_failed"


def test_a_record_that_cannot_be_mapped_does_not_cost_the_others() -> None:
    mapping = {**NAME, "response_mapping": "{'id': response.id, 'n': $number(response.n)}"}
    page = fetched(mapping, [{"id": 1, "n": "5"}, {"id": 2, "n": "x"}, {"id": 3, "n": 7}])
    assert [(record["id"], record["n"]) for record in page.records] == [(1, 5), (3, 7)]
    assert [failed.record for failed in page.unmapped] == [{"id": 2, "n": "x"}]
    assert "x" in page.unmapped[0].message


@pytest.mark.parametrize(("mapping", "given"), [("response.id", "a number"), ("[1]", "a list"), ("$x", "nothing")])
def test_a_mapping_has_to_give_an_object(mapping: str, given: str) -> None:
    page = fetched({**NAME, "response_mapping": mapping}, [{"id": 1}])
    assert given in page.unmapped[0].message


def test_a_secret_in_the_message_is_masked() -> None:
    page = fetched({**NAME, "response_mapping": "$error(response.t)"}, [{"id": 1, "t": f"no {sources.TOKEN}"}])
    assert sources.TOKEN not in page.unmapped[0].message


def test_a_long_page_ends_when_the_work_is_to_end() -> None:
    class Ended(Exception):
        pass

    def wait(seconds: float) -> None:
        raise Ended

    with serving({"things": [{"id": 1}]}) as source, pytest.raises(Ended):
        spec = sources.spec(source.url)
        described = replace(spec, mappings={"crm/contacts": {"list": NAME}})
        with sources.client(described, wait=wait) as api:
            api.fetch(described.method("crm/contacts", "list"), RequestValues(), None)


def test_every_fault_is_told_at_its_path() -> None:
    config = {"resource": 5, "query_mapping": "{", "response_mapping": {"a": "response.(", "b": {"c": ["x"]}}}
    assert set(faults(config)) == {"resource", "query_mapping", "response_mapping.a", "response_mapping.b.c"}
    assert set(faults({})) == {"response_mapping"}
    assert set(faults([])) == {""}
    assert set(faults({"response_mapping": 7})) == {"response_mapping"}


def test_a_text_of_an_object_cannot_break_out_of_its_place() -> None:
    assert set(faults({"response_mapping": {"a": "1), 'b': (2"}})) == {"response_mapping.a"}


def test_resource_and_method_are_by_default_those_of_the_same_name() -> None:
    mapping = parse_mapping({"response_mapping": "{}"}, "crm/contacts", "list")
    assert (mapping.resource, mapping.method) == ("contacts", "list")


def test_an_unknown_unified_method_is_told_with_those_there_are() -> None:
    spec = sources.spec()
    described = replace(spec, mappings={"crm/contacts": {"list": {**NAME, "resource": "gone"}}})
    for resource, method, named in (
        ("crm/deals", "list", "crm/contacts"),
        ("crm/contacts", "get", "list"),
        ("crm/contacts", "list", "things"),
    ):
        with pytest.raises(UnknownMethod, match=named):
            described.method(resource, method)


def test_layers_are_merged_and_texts_replaced_whole() -> None:
    base = {"resource": "things", "response_mapping": {"id": "response.id", "name": "response.a"}}
    merged = layered(base, {"response_mapping": {"name": "response.b"}}, {"query_mapping": "{}"})
    assert merged == {
        "resource": "things",
        "response_mapping": {"id": "response.id", "name": "response.b"},
        "query_mapping": "{}",
    }
    assert layered(base, {"response_mapping": "{'x': 1}"})["response_mapping"] == "{'x': 1}"
    assert base["response_mapping"] == {"id": "response.id", "name": "response.a"}


def test_a_resource_of_the_api_itself_may_have_a_slash_in_its_name() -> None:
    spec = sources.spec(resources={"repos/issues": {"list": {"path": "/issues"}}})
    assert (spec.is_unified("repos/issues"), spec.is_unified("crm/contacts")) == (False, True)
    assert spec.method("repos/issues", "list").mapping is None
