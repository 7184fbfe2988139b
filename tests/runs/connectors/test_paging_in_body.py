"""Lists by POST, whose paging goes into the body; and bodies that are forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from runs.connectors import RequestFailed, RequestValues, SpecError
from runs.connectors.pagination import PageView, Parts, laid_over
from runs.connectors.request import Outgoing, drafted
from tests.runs.connectors.paging import all_pages, pagination
from tests.runs.connectors.sources import list_spec

SEARCH = {
    "format": "cursor",
    "config": {
        "cursor_key": "after",
        "cursor_path": "paging.next.after",
        "limit_key": "limit",
        "limit": 2,
        "add_to_body": True,
    },
}
GRAPHQL = {
    "format": "cursor",
    "config": {
        "cursor_key": "variables.after",
        "cursor_path": "data.things.pageInfo.endCursor",
        "has_next_path": "data.things.pageInfo.hasNextPage",
        "limit_key": "variables.first",
        "limit": 50,
        "add_to_body": True,
    },
}


def outgoing(config: dict[str, Any], cursor: Any = None, own: Any = None, **method: Any) -> Outgoing:
    of = list_spec("https://api.example.com", config, **{"method": "post", **method})
    return drafted(of, of.method("things", "list"), RequestValues(body=own), {"token": "t"}).at(cursor)


def sent(*given: Any, **more: Any) -> Any:
    return json.loads(outgoing(*given, **more).content or b"null")


def test_the_parameters_are_laid_over_the_body() -> None:
    body = {"filters": [{"a": 1}]}

    assert sent(SEARCH, body=body) == {"filters": [{"a": 1}], "limit": 2}
    assert sent(SEARCH, {"cursor": "2"}, body=body) == {"filters": [{"a": 1}], "limit": 2, "after": "2"}
    assert outgoing(SEARCH, {"cursor": "2"}).url == "https://api.example.com/things"


def test_dots_lead_into_the_body() -> None:
    body = {"query": "{ things }", "variables": {"team": "x", "after": None}}

    assert sent(GRAPHQL, {"cursor": "c"}, body=body) == {
        "query": "{ things }",
        "variables": {"team": "x", "after": "c", "first": 50},
    }


def test_a_limit_in_the_entrys_own_body_is_the_one_that_holds() -> None:
    assert sent(SEARCH, own={"limit": 7}) == {"limit": 7}
    assert sent(GRAPHQL, own={"variables": {"first": 7}}) == {"variables": {"first": 7}}

    pages = pagination("page", {"page_key": "p", "limit_key": "limit", "limit": 100, "add_to_body": True})
    view = PageView("https://x", Parts(body={"limit": 3}), None, {}, [1, 2, 3])
    assert pages.following(view, None) == {"page": 2}


def test_the_values_of_expressions_may_be_a_body() -> None:
    config = {
        "format": "dynamic",
        "config": {"initial_expression": "{'body': {'page': {'size': 5}}}", "next_expression": "null"},
    }

    assert sent(config, body={"page": {"sort": "id"}, "q": 1}) == {"page": {"sort": "id", "size": 5}, "q": 1}


@pytest.mark.parametrize(
    ("body", "over", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": [1]}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1}, None, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
        ([1], {"a": 1}, {"a": 1}),
    ],
)
def test_objects_are_merged_and_all_else_is_replaced(body: Any, over: Any, expected: Any) -> None:
    assert laid_over(body, over) == expected


def test_keys_that_lead_into_each_other_do_not_break() -> None:
    config = {"format": "page", "config": {"page_key": "a", "limit_key": "a.b", "limit": 5, "add_to_body": True}}

    assert sent(config) == {"a": {"b": 5}}


def test_a_search_is_fetched_page_by_page(httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        asked = request.get_json()
        start = int(asked.get("after", 0))
        records = list(range(5))[start : start + asked["limit"]]
        paging = {"paging": {"next": {"after": str(start + 2)}}} if start + 2 < 5 else {}
        return Response(json.dumps({"data": records, **paging}))

    httpserver.expect_request("/things", method="POST").respond_with_handler(answer)
    of = list_spec(httpserver.url_for(""), SEARCH, method="post", body={"sorts": ["id"]})

    assert all_pages(of) == [0, 1, 2, 3, 4]
    assert all(request.get_json()["sorts"] == ["id"] for request, _ in httpserver.log)


def test_a_get_has_no_body_to_page_in() -> None:
    with pytest.raises(SpecError, match=r"resources\.things\.list\.method: must be one with a body"):
        list_spec("https://api.example.com", SEARCH)


def test_a_form_is_encoded_as_one() -> None:
    request = outgoing(
        {"format": "page", "config": {"page_key": "page", "add_to_body": True}},
        own={"ids": [1, 2], "name": "a&b é", "none": None},
        body_format="form",
    )

    assert request.content == b"ids=1&ids=2&name=a%26b+%C3%A9&page=1"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_form_needs_an_object() -> None:
    with pytest.raises(RequestFailed) as caught:
        outgoing({"format": "link_header"}, own=[1], body_format="form")

    assert caught.value.code == "bad_body"


def test_an_unknown_form_of_body_is_refused() -> None:
    with pytest.raises(SpecError, match="body_format: 'xml' is not known; must be one of: form, json"):
        list_spec("https://api.example.com", {"format": "link_header"}, body_format="xml")


def test_a_content_type_of_the_integration_is_the_only_one() -> None:
    headers = outgoing(SEARCH, headers={"content-type": "application/vnd.api+json"}).headers

    assert [value for name, value in headers.items() if name.lower() == "content-type"] == ["application/vnd.api+json"]
