"""Parsing an integration's config: what it yields, and every fault at its path."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest

from runs.connectors import SpecError, UnknownMethod, parse_integration
from runs.connectors.auth import Basic, Bearer, Header
from runs.connectors.pagination import LinkHeader, Offset, PageNumber
from runs.connectors.rate_limit import RateLimit
from tests.factories import integration_config
from tests.runs.connectors.sources import config, spec


def faults(of: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        parse_integration(of)
    return dict(caught.value.failures)


def one_method(**method: Any) -> dict[str, Any]:
    return config(resources={"things": {"list": {"path": "/things", **method}}})


def test_the_defaults_are_the_contracts() -> None:
    parsed = spec()

    assert parsed.concurrency == 16
    assert parsed.incremental_overlap == timedelta(seconds=300)
    method = parsed.method("things", "list")
    assert (method.pagination, method.error_expression, parsed.rate_limit) == (None, None, RateLimit())
    assert (method.verb, method.record_id, method.response_path) == ("get", "id", "data")


def test_what_is_given_is_taken() -> None:
    parsed = spec(concurrency=4, incremental_overlap=0, headers={"X-Version": "1"}, query={"lang": "en"})

    assert parsed.concurrency == 4
    assert parsed.incremental_overlap == timedelta(0)
    assert parsed.headers == {"X-Version": "1"}
    assert parsed.query == {"lang": "en"}


def test_the_config_of_the_demo_is_valid() -> None:
    parsed = parse_integration(integration_config())

    assert isinstance(parsed.method("countries", "list").pagination, PageNumber)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ({"format": "bearer", "config": {"token": "x"}}, Bearer("x")),
        ({"format": "header", "config": {"header_name": "X-Key", "header_value": "x"}}, Header("X-Key", "x")),
        ({"format": "basic", "config": {"username": "u", "password": "p"}}, Basic("u", "p")),
        ({"format": "basic", "config": {"username": "u"}}, Basic("u", "")),
        (None, None),
    ],
)
def test_authorizations(authorization: Any, expected: Any) -> None:
    assert spec(authorization=authorization).authorization == expected


def test_lists_have_the_pagination_of_the_integration_and_single_records_have_none() -> None:
    parsed = spec(pagination={"format": "link_header"})

    assert isinstance(parsed.method("things", "list").pagination, LinkHeader)
    assert all(parsed.method("things", name).pagination is None for name in ("get", "create", "update", "delete"))


def test_a_method_may_paginate_its_own_way_or_not_at_all() -> None:
    own = {"format": "offset", "config": {"offset_key": "o", "limit": 5}}
    methods = {
        "list": {"path": "/a", "pagination": None},
        "search": {"path": "/b", "pagination": own},
        "get": {"path": "/c", "pagination": own},
        "export": {"path": "/d"},
    }
    parsed = spec(pagination={"format": "link_header"}, resources={"things": methods})

    assert parsed.method("things", "list").pagination is None
    assert isinstance(parsed.method("things", "search").pagination, Offset)
    assert isinstance(parsed.method("things", "export").pagination, LinkHeader)
    assert parsed.method("things", "get").answers == (list,)
    assert parsed.method("things", "list").answers == (list,)


def test_writes_have_the_verbs_that_one_expects() -> None:
    parsed = spec()

    assert [parsed.method("things", name).verb for name in ("create", "update", "delete")] == [
        "post",
        "patch",
        "delete",
    ]
    assert [parsed.method("things", name).may_repeat for name in ("get", "create", "update", "delete")] == [
        True,
        False,
        False,
        True,
    ]


def test_a_list_by_post_may_be_repeated() -> None:
    parsed = parse_integration(one_method(method="POST"))

    assert parsed.method("things", "list").verb == "post"
    assert parsed.method("things", "list").may_repeat


@pytest.mark.parametrize(
    ("method", "is_write", "may_repeat", "pages"),
    [
        ({}, False, True, True),
        ({"method": "post"}, True, False, False),
        ({"method": "patch"}, True, False, False),
        ({"method": "put"}, True, True, False),
        ({"method": "post", "pagination": {"format": "link_header"}}, False, True, True),
    ],
)
def test_a_method_of_its_own_is_judged_by_its_verb(
    method: dict[str, Any], is_write: bool, may_repeat: bool, pages: bool
) -> None:
    methods = {"things": {"archive": {"path": "/things/{{id}}/archive", **method}}}
    archive = spec(pagination={"format": "link_header"}, resources=methods).method("things", "archive")

    assert (archive.is_write, archive.may_repeat, archive.pagination is not None) == (is_write, may_repeat, pages)


@pytest.mark.parametrize(
    ("path", "needs_id"),
    [("/a/{{id}}", True), ("/a/{{id?:root}}", False), ("/a/{{id:undefined}}", False), ("/a/{{query.b}}", False)],
)
def test_a_path_tells_whether_it_needs_an_id(path: str, needs_id: bool) -> None:
    assert spec(resources={"things": {"list": {"path": path}}}).method("things", "list").needs_id == needs_id


def test_unknown_resources_and_methods_name_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match=r"The resource cars is not described .* knows: things"):
        spec().method("cars", "list")
    with pytest.raises(UnknownMethod, match=r"The method fly of things .* knows: create, delete, get, list, update"):
        spec().method("things", "fly")


def test_what_is_parsed_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        spec().concurrency = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("over", "path", "message"),
    [
        ({"base_url": None}, "base_url", "is required"),
        ({"base_url": ""}, "base_url", "not empty"),
        ({"base_url": 7}, "base_url", "must be a text"),
        ({"base_url": "ftp://a.example"}, "base_url", "must begin with https://"),
        ({"base_url": "https://u:p@a.example"}, "base_url", "without user name"),
        ({"base_url": "https://a.example/?x=1"}, "base_url", "without user name, query"),
        ({"base_url": "https://"}, "base_url", "name a host"),
        ({"base_url": "https://a..example"}, "base_url", "not a valid one"),
        ({"base_url": "https://{{context.a}}.example:99999"}, "base_url", "not a valid one"),
        ({"base_url": "https://a.example\n/b"}, "base_url", "on one line"),
        ({"base_url": "{{args.host}}"}, "base_url", "begin with one of: context, id, query"),
        ({"base_url": "https://{{context.host:foo}}"}, "base_url", "unknown type 'foo'"),
        ({"headers": []}, "headers", "must be an object"),
        ({"headers": {"Bad Name": "x"}}, "headers.Bad Name", "no header name"),
        ({"headers": {"Host": "x"}}, "headers.Host", "no header name that may be set"),
        ({"headers": {"X": "a\r\nb"}}, "headers.X", "on one line"),
        ({"headers": {"X": 1}}, "headers.X", "must be a text"),
        ({"query": "a=b"}, "query", "must be an object"),
        ({"query": {"a": ["{{nope.x}}"]}}, "query.a.0", "begin with one of"),
        ({"concurrency": 0}, "concurrency", "from 1 to 64"),
        ({"concurrency": 65}, "concurrency", "from 1 to 64"),
        ({"concurrency": True}, "concurrency", "must be an integer"),
        ({"incremental_overlap": -1}, "incremental_overlap", "must be an integer"),
        ({"authorization": "bearer"}, "authorization", "must be an object"),
        ({"authorization": {"format": "magic"}}, "authorization.format", "one of: basic, bearer, header, oauth2"),
        ({"authorization": {"config": {}}}, "authorization.format", "is required"),
        ({"authorization": {"format": "bearer"}}, "authorization.config.token", "is required"),
        ({"authorization": {"format": "basic"}}, "authorization.config.username", "is required"),
        (
            {"authorization": {"format": "bearer", "config": {"token": "a\nb"}}},
            "authorization.config.token",
            "one line",
        ),
        (
            {"authorization": {"format": "header", "config": {"header_name": "X A", "header_value": "a"}}},
            "authorization.config.header_name",
            "no header name",
        ),
        (
            {"pagination": {"format": "pages"}},
            "pagination.format",
            "one of: cursor, dynamic, link_header, offset, page, range",
        ),
        ({"pagination": {"format": "range", "config": {"unit": "a b"}}}, "pagination.config.unit", "a range unit"),
        ({"pagination": {"format": "range", "config": {"limit": 0}}}, "pagination.config.limit", "from 1 to"),
        ({"pagination": {"format": "dynamic"}}, "pagination.config.next_expression", "is required"),
        (
            {"pagination": {"format": "dynamic", "config": {"next_expression": "response.("}}},
            "pagination.config.next_expression",
            "is no JSONata expression",
        ),
        (
            {"pagination": {"format": "dynamic", "config": {"get_pagination_values_expression": "$("}}},
            "pagination.config.get_pagination_values_expression",
            "is no JSONata expression",
        ),
        (
            {
                "pagination": {
                    "format": "dynamic",
                    "config": {"next_expression": "response", "initial_expression": ["a"]},
                }
            },
            "pagination.config.initial_expression",
            "must be a text",
        ),
        (
            {"pagination": {"format": "cursor", "config": {"cursor_path": "id", "cursor_from": "first_record"}}},
            "pagination.config.cursor_from",
            "one of: body, header, last_record",
        ),
        (
            {"pagination": {"format": "cursor", "config": {"cursor_header": "X", "cursor_from": "last_record"}}},
            "pagination.config.cursor_from",
            "where cursor_header is given",
        ),
        ({"pagination": {"format": ["page"]}}, "pagination.format", "is not known"),
        ({"pagination": {"format": "page"}}, "pagination.config.page_key", "is required"),
        ({"pagination": {"format": "offset"}}, "pagination.config.offset_key", "is required"),
        ({"pagination": {"format": "cursor"}}, "pagination.config.cursor_key", "unless is_link"),
        (
            {"pagination": {"format": "cursor", "config": {"cursor_path": "a", "cursor_header": "b"}}},
            "pagination.config.cursor_path",
            "not both",
        ),
        (
            {"pagination": {"format": "link_header", "config": {"limit_key": "n"}}},
            "pagination.config.limit",
            "is required where limit_key",
        ),
        (
            {"pagination": {"format": "link_header", "config": {"limit": "5"}}},
            "pagination.config.limit",
            "must be an integer",
        ),
        (
            {"pagination": {"format": "cursor", "config": {"cursor_path": "a", "is_link": "yes"}}},
            "pagination.config.is_link",
            "true or false",
        ),
        ({"rate_limit": "yes"}, "rate_limit", "must be an object"),
        ({"rate_limit": {"is_rate_limited": "x ("}}, "rate_limit.is_rate_limited", "is no JSONata expression"),
        (
            {"rate_limit": {"retry_after_header_expression": 5}},
            "rate_limit.retry_after_header_expression",
            "must be a text",
        ),
        (
            {"rate_limit": {"rate_limit_header_expression": "("}},
            "rate_limit.rate_limit_header_expression",
            "is no JSONata expression",
        ),
        ({"error_expression": "a b"}, "error_expression", "is no JSONata expression"),
        ({"resources": ["a"]}, "resources", "must be an object"),
        ({"resources": {"a" * 201: {}}}, "resources." + "a" * 201, "1 to 200 characters"),
        ({"resources": {"a": {"b" * 51: {"path": "/a"}}}}, "resources.a." + "b" * 51, "1 to 50 characters"),
        ({"resources": {"things": "list"}}, "resources.things", "must be an object"),
        ({"resources": {"things": {"list": "x"}}}, "resources.things.list", "must be an object"),
    ],
)
def test_a_fault_is_told_with_its_path(over: dict[str, Any], path: str, message: str) -> None:
    assert message in faults(config(**over))[path]


@pytest.mark.parametrize(
    ("method", "key", "message"),
    [
        ({"path": None}, "path", "is required"),
        ({"path": "https://other.example/x"}, "path", "below base_url"),
        ({"path": "//other.example/x"}, "path", "below base_url"),
        ({"path": "/things?a=1"}, "path", "parameters belong into query"),
        ({"path": "/a\r\nb"}, "path", "on one line"),
        ({"path": "/{{args.x}}"}, "path", "begin with one of"),
        ({"method": "teleport"}, "method", "one of: get, post, put, patch, delete"),
        ({"record_id": 1}, "record_id", "must be a text"),
        ({"response_path": ["data"]}, "response_path", "must be a text"),
        ({"pagination": {"format": "page"}}, "pagination.config.page_key", "is required"),
        ({"error_expression": "{"}, "error_expression", "is no JSONata expression"),
        ({"body": {"a": {"b": "{{x.y}}"}}}, "body.a.b", "begin with one of"),
    ],
)
def test_a_fault_of_a_method_is_told_with_its_path(method: dict[str, Any], key: str, message: str) -> None:
    assert message in faults(one_method(**method))[f"resources.things.list.{key}"]


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/v2/",
        "https://{{context.subdomain}}.a.example",
        "http://{{context.host}}:{{context.port}}/api",
        "{{context.instance_url}}",
        "{{context.instance_url}}/v2",
        "https://[::1]:8443",
    ],
)
def test_where_an_address_may_be_the_accounts_own(url: str) -> None:
    assert spec(base_url=url).base_url == url


def test_all_faults_are_told_at_once() -> None:
    found = faults(config(base_url=None, concurrency=0, resources={"a": {"list": {}}, "b": {"get": {"path": 1}}}))

    assert set(found) == {"base_url", "concurrency", "resources.a.list.path", "resources.b.get.path"}


@pytest.mark.parametrize("odd", [None, [], "x", 1])
def test_a_config_that_is_no_object_is_refused(odd: Any) -> None:
    assert faults(odd) == {"": "must be an object."}
