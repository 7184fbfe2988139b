"""The request of one page: address, headers, body."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import AddressRefused, AuthenticationFailed, RequestFailed, RequestValues, parse_integration
from runs.connectors.request import Outgoing, drafted
from tests.runs.connectors.sources import config, list_spec, spec

LINKS = {"format": "link_header"}
CONTEXT = {"token": "t", "domain": "acme", "evil": "evil.example/#", "url": "https://inst.example", "crlf": "a\r\nb: c"}


def built(
    over: dict[str, Any] | None = None,
    request: RequestValues | None = None,
    at: dict[str, Any] | None = None,
    method: str = "list",
    **method_over: Any,
) -> Outgoing:
    methods = {method: {"path": "/things", **method_over}}
    of = parse_integration(config(**{"resources": {"things": methods}, **(over or {})}))
    return drafted(of, of.method("things", method), request or RequestValues(), CONTEXT).at(at)


@pytest.mark.parametrize(
    ("base_url", "path", "url"),
    [
        ("https://api.example.com", "/things", "https://api.example.com/things"),
        ("https://api.example.com/v1/", "things", "https://api.example.com/v1/things"),
        ("https://{{context.domain}}.example.com", "/x", "https://acme.example.com/x"),
        ("{{context.url}}/v2", "/x", "https://inst.example/v2/x"),
        ("https://api.example.com", "/{{context.domain}}/{{id}}", "https://api.example.com/acme/a%2Fb%3Fc%23d%20e"),
        ("https://api.example.com", "/p/{{query.project}}", "https://api.example.com/p/x%26y"),
    ],
)
def test_addresses(base_url: str, path: str, url: str) -> None:
    request = RequestValues(id="a/b?c#d e", query={"project": "x&y"})
    outgoing = built({"base_url": base_url}, request, path=path, query={"project": None})

    assert outgoing.url.partition("?")[0] == url


def test_a_query_key_that_goes_into_the_path_is_not_sent_again() -> None:
    request = RequestValues(query={"project": "x", "other": "y"})

    assert built(request=request, path="/p/{{query.project}}").url == "https://api.example.com/p/x?other=y"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"a": [1, 2]}, "a=1&a=2"),
        ({"a": True, "b": False}, "a=true&b=false"),
        ({"a": None, "b": [None, 1]}, "b=1"),
        ({"a b": "c&d=é"}, "a%20b=c%26d%3D%C3%A9"),
        ({"a": ""}, "a="),
        ({"a": 1.0, "b": 0.5}, "a=1&b=0.5"),
        ({"filter": {"x": 1}}, "filter=%7B%22x%22%3A%201%7D"),
        ({"a": "\ud800"}, "a=%3F"),
        ({}, ""),
    ],
)
def test_parameters(query: dict[str, Any], text: str) -> None:
    assert built(request=RequestValues(query=query)).url.partition("?")[2] == text


def test_the_entry_wins_over_the_method_and_the_method_over_the_integration() -> None:
    outgoing = built(
        {"query": {"a": "i", "b": "i", "c": "i"}},
        RequestValues(query={"c": "e"}),
        query={"b": "m", "c": "m", "d": "{{context.domain}}"},
    )

    assert outgoing.url.partition("?")[2] == "a=i&b=m&c=e&d=acme"


def test_the_pagination_wins_over_all() -> None:
    of = list_spec("https://api.example.com", {"format": "page", "config": {"page_key": "page"}})
    outgoing = drafted(of, of.method("things", "list"), RequestValues(query={"page": 9}), CONTEXT).at({"page": 2})

    assert outgoing.url.endswith("?page=2")


def test_a_parameter_of_the_integration_without_a_value_is_left_out() -> None:
    request = RequestValues(query={"since": None})
    outgoing = built(request=request, query={"a": "{{query.gone}}", "b": "x {{query.gone}}", "c": "{{query.since}}"})

    assert "?" not in outgoing.url


def test_values_of_the_entry_are_never_read_for_placeholders() -> None:
    request = RequestValues(id="{{context.token}}", query={"q": "{{context.token}}"}, body={"b": "{{context.token}}"})
    outgoing = built(request=request, method="update", path="/things/{{id}}", query={"copy": "{{query.q}}"})

    assert "=t" not in outgoing.url and "/t" not in outgoing.url.replace("/things", "")
    assert outgoing.content == b'{"b": "{{context.token}}"}'


@pytest.mark.parametrize("path", ["/things/{{id}}", "/things/{{query.gone}}", "/{{context.gone}}"])
def test_a_path_without_its_value_is_an_error(path: str) -> None:
    with pytest.raises(RequestFailed) as caught:
        built(path=path)

    assert caught.value.code == "missing_value"


@pytest.mark.parametrize("value", ["..", "."])
def test_a_value_can_not_climb_out_of_its_path(value: str) -> None:
    with pytest.raises(RequestFailed) as caught:
        built(request=RequestValues(id=value), path="/things/{{id}}/parts")

    assert caught.value.code == "unsafe_path"


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_an_id_stays_one_part_of_the_path(value: str) -> None:
    url = built(request=RequestValues(id=value), path="/things/{{id}}").url

    assert url.count("/") == 4
    assert "?" not in url and "#" not in url


def test_a_value_in_the_host_can_not_lead_elsewhere() -> None:
    with pytest.raises(AddressRefused):
        built({"base_url": "https://{{context.evil}}.api.example.com"})


def test_white_space_around_a_header_is_not_sent() -> None:
    """It is no part of the value (RFC 9110, section 5.5), and easily pasted with a credential."""
    assert built({"headers": {"X-A": " {{context.domain}} "}}).headers["X-A"] == "acme"


def test_headers_are_merged_and_filled() -> None:
    headers = built({"headers": {"X-A": "1", "X-B": "{{context.domain}}"}}, headers={"X-A": "2"}).headers

    assert headers["X-A"] == "2"
    assert headers["X-B"] == "acme"
    assert headers["Authorization"] == "Bearer t"
    assert headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    "over",
    [
        {"headers": {"X-A": "{{context.crlf}}"}},
        {"authorization": {"format": "bearer", "config": {"token": "{{context.crlf}}"}}},
        {"authorization": {"format": "header", "config": {"header_name": "{{context.crlf}}", "header_value": "x"}}},
    ],
)
def test_a_line_break_never_gets_into_a_header(over: dict[str, Any]) -> None:
    with pytest.raises(RequestFailed) as caught:
        built(over)

    assert caught.value.code == "bad_header"


def test_nothing_is_sent_without_the_credential() -> None:
    of = spec()

    with pytest.raises(AuthenticationFailed):
        drafted(of, of.method("things", "list"), RequestValues(), {}).at(None)


def test_what_is_sent_does_not_show_in_a_repr() -> None:
    assert "Bearer" not in repr(built())


@pytest.mark.parametrize(
    ("own", "given_body", "content"),
    [
        (None, {"a": 1}, b'{"a": 1}'),
        ({"k": "{{context.domain}}", "a": 0}, {"a": 1}, b'{"k": "acme", "a": 1}'),
        ({"k": 1}, [1], b"[1]"),
        ({"k": "{{query.gone}}"}, None, b"{}"),
        (None, None, None),
    ],
)
def test_bodies(own: Any, given_body: Any, content: bytes | None) -> None:
    outgoing = built(request=RequestValues(body=given_body), method="create", body=own)

    assert outgoing.verb == "POST"
    assert outgoing.content == content
    assert ("Content-Type" in outgoing.headers) == (content is not None)


def test_a_get_has_no_body() -> None:
    assert built(request=RequestValues(body={"a": 1})).content is None


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com/things?page=2", "https://API.example.com:443/x", "https://api.example.com"],
)
def test_a_link_within_the_origin_is_followed_unchanged(url: str) -> None:
    assert built(request=RequestValues(query={"a": 1}), at={"url": url}, pagination=LINKS).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/things",
        "http://api.example.com/things",
        "https://api.example.com:8443/things",
        "https://api.example.com.evil.example/",
        "https://user@api.example.com/",
        "https://api.example.com@evil.example/",
        "https://api.example.com\\@evil.example/",
        "//evil.example/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://[::1",
        "https://api.example.com/\ud800\n",
        "",
    ],
)
def test_a_link_to_another_origin_is_refused(url: str) -> None:
    with pytest.raises(RequestFailed) as caught:
        built(at={"url": url}, pagination=LINKS)

    assert caught.value.code in ("foreign_origin", "address_refused")
