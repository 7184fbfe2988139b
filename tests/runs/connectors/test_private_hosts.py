"""The private hosts that requests may go to: exactly those that are named, and nothing that looks like them."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from runs.connectors import (
    AddressRefused,
    PrivateHosts,
    ReceiverClient,
    RequestFailed,
    RequestValues,
    check_name,
    check_target,
)
from runs.connectors.address_guard import check_url, checked_addresses
from tests.receiver import receiving
from tests.runs.connectors.sources import client, fetch, list_spec, spec
from tests.sources import json_response

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda text: "--" not in text)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ODD = st.text("abcxyz019.-_*% \t\n\0üßİ。①", max_size=12)
INSIDE = PrivateHosts.of(["10.20.0.0/16", "fd00:1::/32", "192.168.7.9"])


def is_taken(url: str, private: PrivateHosts) -> bool:
    try:
        check_url(url, private)
    except AddressRefused:
        return False
    return True


def leads_to(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


def connects(host: str, private: PrivateHosts, *addresses: str) -> bool:
    try:
        return checked_addresses(host, 443, private, leads_to(*addresses)) == list(addresses)
    except AddressRefused:
        return False


@given(name=NAMES, port=st.integers(1, 65_535))
def test_a_name_frees_its_host_however_that_is_written(name: str, port: int) -> None:
    private = PrivateHosts.of([name])

    for written in (name, name.upper(), name.title(), f"{name}.", name.replace(".", "。")):
        assert is_taken(f"http://{written}:{port}/", private)
    assert PrivateHosts.of([f"{name.upper()}."]) == private
    assert connects(name, private, "127.0.0.1", "169.254.169.254", "8.8.8.8")


@given(name=NAMES, odd=ODD)
def test_a_name_frees_nothing_that_has_more_or_less(name: str, odd: str) -> None:
    private = PrivateHosts.of([name])
    for host in (
        f"{odd}{name}",
        f"{name}{odd}",
        f"{odd}.{name}",
        f"{name}.{odd}",
        f"{name[:-1]}{odd}",
        f"{odd}{name[1:]}",
    ):
        assume(host.replace("。", ".").removesuffix(".") != name)
        assert not is_taken(f"http://{host}/", private)


@pytest.mark.parametrize(
    "place",
    [
        *(
            "evil.example/crm.internal",
            "evil.example?crm.internal",
            "evil.example#crm.internal",
            "evil.example\\crm.internal",
        ),
        *(
            "crm.internal@evil.example",
            "evil.example:80@crm.internal",
            "crm.internal%00.evil.example",
            "crm.internal%2eevil",
        ),
        *("crm.internal\0", "crm.internal .evil", " crm.internal", "crm.internal..", ".crm.internal", "[crm.internal]"),
    ],
)
def test_no_part_of_an_address_but_its_host_is_looked_at(place: str) -> None:
    assert not is_taken(f"http://{place}/", PrivateHosts.of(["crm.internal"]))


@given(first=NAMES, second=NAMES)
def test_a_name_frees_no_other(first: str, second: str) -> None:
    assume(first != second)
    private = PrivateHosts.of([first])

    assert not is_taken(f"http://{second}/", private)
    assert not connects(second, private, "127.0.0.1")
    assert not connects(second, private, "93.184.216.34", "10.0.0.1")
    assert connects(second, private, "93.184.216.34")


@pytest.mark.parametrize("entry", ["münchen.internal", "MÜNCHEN.internal.", "xn--mnchen-3ya.internal"])
@pytest.mark.parametrize("host", ["münchen.internal", "MÜNCHEN.INTERNAL", "xn--mnchen-3ya.internal."])
def test_an_international_name_is_the_same_in_both_spellings(entry: str, host: str) -> None:
    assert is_taken(f"http://{host}/", PrivateHosts.of([entry]))
    assert not is_taken("http://munchen.internal/", PrivateHosts.of([entry]))


@pytest.mark.parametrize(
    "entry",
    [
        *("*.internal", ".internal", "a..internal", "a.internal..", "-", "*", "a b", "a,b", ""),
        *("http://a.internal", "a.internal/", "a.internal:80", "u@a.internal", "a.internal?x", "a.internal#x", "[::1]"),
        *(
            "10.0.0.1/8",
            "10.0.0/8",
            "10.0.0.0/33",
            "127.1",
            "0x7f000001",
            "2130706433",
            "0",
            "017700000001",
            "1.2.3.4.5",
        ),
    ],
)
def test_what_is_no_exact_name_address_or_network_is_no_entry(entry: str) -> None:
    if entry != "-":  # a name of one character
        with pytest.raises(ValueError, match="neither the exact name of a host, nor an address, nor a network"):
            PrivateHosts.of([entry])


@given(st.ip_addresses(network="10.20.0.0/16") | st.ip_addresses(network="fd00:1::/32"), st.integers(1, 65_535))
def test_a_network_frees_hosts_that_are_written_as_its_addresses(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    written = f"[{address}]" if address.version == 6 else str(address)

    assert is_taken(f"http://{written}:{port}/", INSIDE)
    assert connects(str(address), INSIDE, str(address))
    if address.version == 4:
        assert is_taken(f"http://[::ffff:{address}]/", INSIDE)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_a_network_frees_no_other_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assume(not any(address in network for network in INSIDE.networks if network.version == address.version))
    written = f"[{address}]" if address.version == 6 else str(address)
    mapped = getattr(address, "ipv4_mapped", None)
    assume(mapped is None or not any(mapped in one for one in INSIDE.networks if one.version == 4))

    assert not is_taken(f"http://{written}/", INSIDE)
    assert connects("any.example", INSIDE, str(address)) is connects("any.example", PrivateHosts(), str(address))


def test_a_name_that_leads_into_a_network_is_asked_by_https_on_its_port_alone() -> None:
    assert connects("crm.example", INSIDE, "10.20.1.1", "93.184.216.34")
    assert not connects("crm.example", INSIDE, "10.20.1.1", "10.21.1.1")
    assert is_taken("https://crm.example/", INSIDE)
    assert not is_taken("http://crm.example/", INSIDE)
    assert not is_taken("https://crm.example:8443/", INSIDE)


@pytest.mark.parametrize("host", ["10.5121", "0x0a140001", "169082881", "012.024.0.1", "10.20.0.1.example"])
def test_an_odd_spelling_of_a_listed_address_is_no_address(host: str) -> None:
    assert not is_taken(f"http://{host}/", INSIDE)


@pytest.mark.parametrize("host", ["64:ff9b::a14:1", "2002:a14:1::", "::a14:1"])
def test_an_address_that_hides_a_listed_one_is_not_freed(host: str) -> None:
    assert not is_taken(f"http://[{host}]/", INSIDE)
    assert not connects("any.example", INSIDE, host)


@pytest.mark.parametrize("url", ["http://user:pw@crm.internal/", "ftp://crm.internal/", "http://crm.internal:0/"])
def test_a_listed_host_has_to_be_an_address_all_the_same(url: str) -> None:
    assert not is_taken(url, PrivateHosts.of(["crm.internal"]))


class TestWhenAWebhookIsSaved:
    @pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["fe80::1%eth0"]])
    def test_a_name_that_leads_inside_is_refused_without_saying_where(self, addresses: list[str]) -> None:
        with pytest.raises(AddressRefused) as caught:
            check_name("https://hook.example/x", PrivateHosts(), leads_to(*addresses))
        assert caught.value.message == (
            "hook.example is not on the public internet: private networks are not allowed "
            "(the setting ALLOWED_PRIVATE_HOSTS opens single hosts)."
        )

    def test_one_that_leads_outside_or_to_an_allowed_host_is_taken(self) -> None:
        check_name("https://hook.example/x", PrivateHosts(), leads_to("93.184.216.34"))
        check_name("https://hook.example/x", INSIDE, leads_to("10.20.3.4"))
        check_name("https://hook.example/x", PrivateHosts.of(["hook.example"]), leads_to("10.0.0.1"))

    def test_one_that_leads_nowhere_is_left_to_the_connections(self) -> None:
        def nowhere(host: str, port: int) -> list[str]:
            raise OSError("no such name")

        check_name("https://hook.example/x", PrivateHosts(), nowhere)

    def test_a_resolver_that_says_nothing_is_not_waited_for(self) -> None:
        over = threading.Event()

        def silent(host: str, port: int) -> list[str]:
            over.wait(20)
            return ["10.0.0.1"]

        check_name("https://hook.example/x", PrivateHosts(), silent)
        over.set()

    def test_where_anything_is_allowed_nothing_is_looked_up(self) -> None:
        def never(host: str, port: int) -> list[str]:
            raise AssertionError(host)

        check_name("https://hook.example/x", PrivateHosts(everywhere=True), never)

    @pytest.mark.parametrize("host", ["localhost", "127.1", "10.0.0.1"])
    def test_a_host_inside_is_taken_where_it_is_named(self, host: str) -> None:
        private = PrivateHosts.of(["localhost", "127.0.0.1", "10.0.0.0/8"])
        check_target(f"https://{host}/", private)
        with pytest.raises(AddressRefused):
            check_target(f"https://{host}/", PrivateHosts())


@dataclass(frozen=True)
class Way:
    """One of the ways that a person can steer a request, to a server on loopback."""

    entries: list[str]
    is_open: bool


WAYS = [
    Way(["127.0.0.1"], True),
    Way(["127.0.0.0/8"], True),
    Way(["localhost"], False),
    Way(["127.0.0.2", "10.0.0.0/8"], False),
    Way([], False),
]
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: ",".join(way.entries) or "none")


def outcome(way: Way) -> AbstractContextManager[object]:
    return nullcontext() if way.is_open else pytest.raises(RequestFailed, match="private networks are not allowed")


@each_way
def test_an_integrations_address(httpserver: HTTPServer, way: Way) -> None:
    httpserver.expect_request("/things").respond_with_json({"data": [{"id": 1}]})
    with outcome(way):
        fetch(spec(f"http://127.0.0.1:{httpserver.port}"), private=PrivateHosts.of(way.entries))

    assert bool(httpserver.log) is way.is_open


@each_way
def test_a_webhooks_address(way: Way) -> None:
    with receiving() as receiver:
        answer = ReceiverClient(private=PrivateHosts.of(way.entries)).post(receiver.url, b"{}", {})
        arrived = len(receiver.arrived)

    assert (answer.accepted, bool(arrived)) == (way.is_open, way.is_open)


def test_a_name_is_connected_to_where_it_leads(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/things").respond_with_json({"data": [{"id": 1}]})
    url = f"http://localhost:{httpserver.port}"

    assert fetch(spec(url), private=PrivateHosts.of(["localhost"])).records == [{"id": 1}]
    with pytest.raises(RequestFailed, match="https on its default port"):
        fetch(spec(url), private=PrivateHosts.of(["127.0.0.1", "::1"]))


@pytest.mark.parametrize("place", ["http://127.0.0.2:{port}/other", "http://localhost:{port}/other", "http://[::1]/x"])
def test_a_redirect_and_a_next_link_to_another_listed_origin_are_not_followed(
    httpserver: HTTPServer, place: str
) -> None:
    """What is listed may be asked by an integration that names it. No source may send us there."""
    url = f"http://127.0.0.1:{httpserver.port}"
    target = place.format(port=httpserver.port)
    private = PrivateHosts.of(["127.0.0.0/8", "localhost", "::1"])
    redirecting = Response("", 302, {"Location": target})
    linking = json_response({"data": [{"id": 1}], "next": target})
    links = {"format": "cursor", "config": {"cursor_path": "next", "is_link": True}}
    answers = iter([redirecting, linking])
    httpserver.expect_request("/things").respond_with_handler(lambda request: next(answers))
    listed = list_spec(url, links)
    with client(listed, private=private) as api:
        method = listed.method("things", "list")
        with pytest.raises(RequestFailed) as redirected:
            api.fetch(method, RequestValues(), None)
        page = api.fetch(method, RequestValues(), None)
        with pytest.raises(RequestFailed) as linked:
            api.fetch(method, RequestValues(), page.next_cursor)

    assert (redirected.value.code, linked.value.code) == ("foreign_origin", "foreign_origin")
    assert {request.path for request, _ in httpserver.log} == {"/things"}
