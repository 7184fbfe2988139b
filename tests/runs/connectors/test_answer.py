"""Answers that are errors although their status is none, and errors that say more than their status."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from runs.connectors import AuthenticationFailed, RequestFailed
from runs.connectors.answer import body_of
from runs.connectors.expressions import Expression
from runs.connectors.rate_limit import LimitTold
from runs.connectors.reply import Reply
from runs.connectors.spec import MethodSpec
from tests.runs.connectors.sources import StillTime, config, fetch, spec

SLACK = "response.ok = false ? response.error"


def method(error_expression: str | None) -> MethodSpec:
    return spec(error_expression=error_expression).method("things", "list")


def answer(body: Any, status: int = 200, reason: str = "", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, reason, "https://api.example.com/things", headers, None, content)


def failure(rule: str, reply: Reply) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        body_of(reply, method(rule))
    return caught.value


@pytest.mark.parametrize("rule", [None, SLACK, "false", "null", "''", "[]", "{}", "0", "data.gone", "headers.gone"])
def test_where_it_says_nothing_the_answer_is_what_it_is(rule: str | None) -> None:
    assert body_of(answer({"ok": True, "data": [1]}), method(rule)) == {"ok": True, "data": [1]}
    with pytest.raises(RequestFailed) as caught:
        body_of(answer({"ok": True}, 404, "Not Found"), method(rule))
    assert caught.value.code == "http_404"


def test_a_text_is_the_message_of_an_error_with_a_good_status() -> None:
    error = failure(SLACK, answer({"ok": False, "error": "channel_not_found"}, 200, "OK"))

    assert (error.code, error.status_code, error.permanent) == ("source_error", 200, True)
    assert error.message == "The source answered 200 OK: channel_not_found"
    assert error.excerpt == '{"ok": false, "error": "channel_not_found"}'


@pytest.mark.parametrize(
    ("rule", "code", "status", "message"),
    [
        ("{'message': 'gone', 'status': 404}", "http_404", 404, "200: gone"),
        ("{'message': 'gone', 'status': '404'}", "http_404", 404, "200: gone"),
        ("{'message': 'gone', 'code': 'E7'}", "source_error", 200, "200: gone (E7)"),
        ("{'code': 'E7'}", "source_error", 200, "200: E7"),
        ("{'status': 200, 'message': 'x'}", "source_error", 200, "200: x"),
        ("{'status': 99999999999, 'message': 'x'}", "source_error", 200, "200: x"),
        ("{'other': 1}", "source_error", 200, '200: {"other": 1}'),
        ("true", "source_error", 200, "error_expression says that it is an error"),
        ("7", "source_error", 200, "200: 7"),
        ("data.errors.message", "source_error", 200, "200: a; b"),
        ("{'message': data.errors}", "source_error", 200, '200: {"message": "a"}; {"message": "b"}'),
    ],
)
def test_what_it_gives_becomes_the_error(rule: str, code: str, status: int, message: str) -> None:
    error = failure(rule, answer({"errors": [{"message": "a"}, {"message": "b"}]}))

    assert (error.code, error.status_code) == (code, status)
    assert message in error.message


def test_it_says_more_than_the_status_of_an_error() -> None:
    error = failure("response.detail", answer({"detail": "no such team"}, 404, "Not Found"))

    assert (error.code, error.status_code) == ("http_404", 404)
    assert error.message == "The source answered 404 Not Found: no such team"


@pytest.mark.parametrize(("status", "permanent"), [(500, False), (403, True)])
def test_whether_it_is_tried_again_follows_the_status_that_it_gives(status: int, permanent: bool) -> None:
    assert failure(f"{{'status': {status}}}", answer({})).permanent is permanent


def test_a_401_refuses_the_credentials() -> None:
    assert isinstance(failure("{'status': 401, 'message': 'x'}", answer({})), AuthenticationFailed)
    assert isinstance(failure("'expired'", answer({}, 401)), AuthenticationFailed)


def test_a_429_is_a_limit() -> None:
    with pytest.raises(LimitTold):
        body_of(answer({}), method("{'status': 429}"))


@pytest.mark.parametrize("rule", ["$error('no')", "response + 1", "function($x) { $x }"])
def test_an_expression_that_fails_hides_no_error(rule: str) -> None:
    assert failure(rule, answer({}, 404)).code == "http_404"
    assert isinstance(failure(rule, answer({}, 401)), AuthenticationFailed)
    assert failure(rule, answer({})).code == "expression_failed"


@pytest.mark.parametrize("status", [302, 400, 404, 500])
@pytest.mark.parametrize("rule", ["{'status': 200}", "false", "response.ok"])
def test_no_expression_makes_a_success_of_an_error(rule: str, status: int) -> None:
    assert failure(rule, answer({"ok": False}, status)).status_code == status


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b"\xff\xfe\xfa", b"[" * 100_000])
def test_an_error_need_not_be_json(body: bytes) -> None:
    assert failure("response.error", answer(body, 502)).code == "http_502"
    assert failure("headers.why", answer(body, 502, why="down")).message.endswith(": down")


def test_a_long_message_is_cut() -> None:
    assert len(failure("response.error", answer({"error": "x" * 10_000})).message) < 600


class TestWhoseExpression:
    def parsed(self, **of_method: Any) -> MethodSpec:
        methods = {"list": {"path": "/things", **of_method}}
        return spec(error_expression="'integration'", resources={"things": methods}).method("things", "list")

    def text(self, of: MethodSpec) -> str | None:
        return of.error_expression.text if isinstance(of.error_expression, Expression) else None

    def test_a_method_has_the_integrations_its_own_or_none(self) -> None:
        assert self.text(self.parsed()) == "'integration'"
        assert self.text(self.parsed(error_expression="'method'")) == "'method'"
        assert self.text(self.parsed(error_expression=None)) is None


def test_an_error_in_a_good_answer_ends_the_request_without_a_second_try(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/things").respond_with_json({"ok": False, "error": "invalid_cursor t0k3n-of-acme"})

    with pytest.raises(RequestFailed) as caught:
        fetch(spec(**{**config(httpserver.url_for("")), "error_expression": SLACK}))
    assert caught.value.message == "The source answered 200 OK: invalid_cursor ***"
    assert len(httpserver.log) == 1


def test_an_error_that_may_pass_is_tried_again(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/things").respond_with_json({"ok": False, "error": "internal"})
    httpserver.expect_ordered_request("/things").respond_with_json({"ok": True, "data": [1]})
    rule = "response.ok = false ? {'message': response.error, 'status': 503}"
    time = StillTime()

    assert fetch(spec(httpserver.url_for(""), error_expression=rule), time).records == [1]
    assert len(time.waits) == 1
