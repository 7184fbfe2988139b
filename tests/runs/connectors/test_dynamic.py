"""Lists that go on as JSONata expressions say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from runs.connectors import RequestFailed
from runs.connectors.pagination import PageView, Pagination, Parts
from tests.runs.connectors.paging import all_pages, pagination
from tests.runs.connectors.sources import TOKEN, list_spec

URL = "https://api.example.com/v1/things"


def dynamic(next_expression: str, initial_expression: str | None = None) -> Pagination:
    return pagination("dynamic", {"next_expression": next_expression, "initial_expression": initial_expression})


def first(initial: str, **query: Any) -> Parts:
    return dynamic("null", initial).parts(Parts(query, url=URL), None)


def after(next_expression: str, body: Any = None, *, values: dict[str, Any] | None = None, **headers: str) -> Any:
    """The values of the page after one with these."""
    cursor = None if values is None else {"values": values}
    pages = dynamic(next_expression)
    asked = pages.parts(Parts({"q": "x"}, url=URL), cursor)
    view = PageView(URL + "?q=x", asked, body, headers, [{"id": 1}, {"id": 2}])
    following = pages.following(view, cursor)
    return None if following is None else following["values"]


@pytest.mark.parametrize(
    ("initial", "parts"),
    [
        ("{'page': 1}", {"query": {"page": 1}}),
        ("{'since': query.since}", {"query": {"since": "2026"}}),
        ("{'from': url}", {"query": {"from": URL}}),
        ("{'url': '/v1/things?page=1'}", {"url": "https://api.example.com/v1/things?page=1"}),
        ("{'headers': {'Range': 'id ..; max=200'}}", {"headers": {"Range": "id ..; max=200"}}),
        ("{'headers': {'X-Page': 1}, 'query': {'a': 2}}", {"headers": {"X-Page": "1"}, "query": {"a": 2}}),
        ("{'body': {'after': null}}", {"body": {"after": None}}),
        ("{'query': 'name:x'}", {"query": {"query": "name:x"}}),
        ("{'url': 'x', 'page': 1}", {"query": {"url": "x", "page": 1}}),
        ("{'query': {'url': 'https://elsewhere.example'}}", {"query": {"url": "https://elsewhere.example"}}),
        ("null", {}),
        ("missing.thing", {}),
    ],
)
def test_the_first_page_has_the_initial_values(initial: str, parts: dict[str, Any]) -> None:
    found = first(initial, since="2026")

    assert (found.query, found.headers, found.body, found.url) == (
        parts.get("query", {}),
        parts.get("headers", {}),
        parts.get("body"),
        parts.get("url"),
    )


@pytest.mark.parametrize(
    ("next_expression", "values"),
    [
        ("{'after': response.next}", {"after": "n"}),
        ("{'after': body.next}", {"after": "n"}),
        ("{'after': headers.`x-next`}", {"after": "h"}),
        ("{'after': records[-1].id}", {"after": 2}),
        ("{'page': cursor.page + 1}", {"page": 4}),
        ("{'page': paginationValues.page + 1}", {"page": 4}),
        ("{'q': query.q, 'page': query.page}", {"q": None, "page": 3}),
        ("{'at': url}", {"at": URL + "?q=x"}),
        ("{'status': status}", {"status": 200}),
        ("response.more ? {'after': response.next}", None),
        ("response.gone", None),
        ("null", None),
    ],
)
def test_the_next_page_has_what_the_page_says(next_expression: str, values: dict[str, Any] | None) -> None:
    body = {"next": "n", "more": False}
    found = after(next_expression, body, values={"page": 3}, **{"x-next": "h"})

    assert found == ({key: value for key, value in values.items() if value is not None} if values else values)


def test_the_values_of_the_first_page_are_seen_after_it() -> None:
    pages = dynamic("{'page': cursor.page + 1}", "{'page': 10}")
    view = PageView(URL, pages.parts(Parts(), None), None, {}, [1])

    assert pages.following(view, None) == {"values": {"page": 11}}


def test_the_names_of_truto_are_understood() -> None:
    pages = pagination(
        "dynamic",
        {
            "get_initial_pagination_values_expression": "{'page': 1}",
            "get_pagination_values_expression": "{'page': paginationValues.page + 1}",
        },
    )

    assert pages.parts(Parts(), None).query == {"page": 1}


@pytest.mark.parametrize(
    ("next_expression", "code"),
    [
        ("'text'", "wrong_shape"),
        ("false", "wrong_shape"),
        ("[{'a': 1}]", "wrong_shape"),
        ("$error('no')", "expression_failed"),
        ("1 + 'a'", "expression_failed"),
        ("function($x) { $x }", "expression_failed"),
    ],
)
def test_what_is_no_object_is_an_error_and_not_the_end(next_expression: str, code: str) -> None:
    with pytest.raises(RequestFailed) as caught:
        after(next_expression)

    assert caught.value.code == code


def test_a_header_that_is_no_text_is_an_error() -> None:
    with pytest.raises(RequestFailed) as caught:
        first("{'headers': {'X-After': {'a': 1}}}")

    assert caught.value.code == "bad_header"


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4))
def test_values_survive_their_checkpoint(values: dict[str, Any]) -> None:
    saved = json.loads(json.dumps({"values": values}))

    assert dynamic("null").parts(Parts(url=URL), saved).values == values


class TestOnTheWire:
    def test_pages_are_counted_by_the_expression(self, httpserver: HTTPServer) -> None:
        def answer(request: Request) -> Response:
            number = int(request.args["p"])
            return Response(json.dumps({"data": [number] * 2 if number < 4 else []}))

        httpserver.expect_request("/things").respond_with_handler(answer)
        of = counting(httpserver)

        assert all_pages(of) == [1, 1, 2, 2, 3, 3]

    def test_a_source_that_ignores_the_count_is_noticed(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/things").respond_with_json({"data": [1]})

        with pytest.raises(RequestFailed) as caught:
            all_pages(counting(httpserver))
        assert caught.value.code == "page_repeated"
        assert len(httpserver.log) == 2

    def test_values_that_repeat_are_noticed(self, httpserver: HTTPServer) -> None:
        turns = iter(range(100))
        httpserver.expect_request("/things").respond_with_handler(
            lambda request: Response(json.dumps({"data": [next(turns)]}))
        )
        of = list_spec(httpserver.url_for(""), {"format": "dynamic", "config": {"next_expression": "{'p': 1}"}})

        with pytest.raises(RequestFailed) as caught:
            all_pages(of)
        assert caught.value.code == "cursor_repeated"
        assert len(httpserver.log) == 2

    def test_ranges_of_herokus_kind_are_described(self, httpserver: HTTPServer) -> None:
        def answer(request: Request) -> Response:
            if request.headers["Range"] == "id ..; max=2":
                headers = {"Next-Range": "id ]b..; max=2"}
                return Response(json.dumps([{"id": "a"}, {"id": "b"}]), status=206, headers=headers)
            assert request.headers["Range"] == "id ]b..; max=2"
            return Response(json.dumps([{"id": "c"}]))

        httpserver.expect_request("/things").respond_with_handler(answer)
        config = {
            "initial_expression": "{'headers': {'Range': 'id ..; max=2'}}",
            "next_expression": "headers.`next-range` ? {'headers': {'Range': headers.`next-range`}}",
        }
        of = list_spec(httpserver.url_for(""), {"format": "dynamic", "config": config}, response_path=None)

        assert [record["id"] for record in all_pages(of)] == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"headers": {"Host": "evil.example"}}, "bad_header"),
            ({"headers": {"content-length": "0"}}, "bad_header"),
            ({"headers": {"X Y": "0"}}, "bad_header"),
            ({"headers": {"X": "a\r\nEvil: b"}}, "bad_header"),
            ({"url": "https://evil.example/things"}, "foreign_origin"),
            ({"url": "//evil.example/things"}, "foreign_origin"),
            ({"url": "https://[::1"}, "address_refused"),
        ],
    )
    def test_a_source_can_not_take_over_the_request(
        self, httpserver: HTTPServer, values: dict[str, Any], code: str
    ) -> None:
        httpserver.expect_request("/things").respond_with_json({"data": [1], "next": values})
        of = list_spec(httpserver.url_for(""), {"format": "dynamic", "config": {"next_expression": "response.next"}})

        with pytest.raises(RequestFailed) as caught:
            all_pages(of)
        assert caught.value.code == code
        assert len(httpserver.log) == 1

    @pytest.mark.parametrize("name", ["Authorization", "authorization"])
    def test_the_credential_wins_over_a_header_of_the_source(self, httpserver: HTTPServer, name: str) -> None:
        pages = iter([{"data": [1], "next": {"headers": {name: "Bearer other"}}}, {"data": [2]}])
        httpserver.expect_request("/things").respond_with_handler(lambda request: Response(json.dumps(next(pages))))
        of = list_spec(httpserver.url_for(""), {"format": "dynamic", "config": {"next_expression": "response.next"}})

        assert all_pages(of) == [1, 2]
        assert httpserver.log[1][0].headers.getlist("Authorization") == [f"Bearer {TOKEN}"]


def counting(source: HTTPServer) -> Any:
    config = {
        "initial_expression": "{'p': 1}",
        "next_expression": "$count(records) > 0 ? {'p': cursor.p + 1}",
    }
    return list_spec(source.url_for(""), {"format": "dynamic", "config": config})
