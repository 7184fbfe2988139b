"""Where requests may go, and that the connection goes to what was checked."""

from __future__ import annotations

import time
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from runs.connectors import ALL_PRIVATE_HOSTS, NO_PRIVATE_HOSTS, AddressRefused, RequestFailed
from runs.connectors.address_guard import check_url, checked_addresses, is_public, parse_url
from runs.connectors.exchange import Exchange
from runs.connectors.pagination import Parts
from runs.connectors.request import Outgoing
from runs.connectors.transport import Deadline, GuardedTransport
from tests.runs.connectors.sources import fetch, spec

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.88.99.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


def inside(*networks: str) -> st.SearchStrategy[int]:
    """Any address of these networks, as a number."""
    bounds = [(int(network[0]), int(network[-1])) for network in map(ip_network, networks)]
    return st.sampled_from(bounds).flatmap(lambda ends: st.integers(*ends))


PRIVATE_4 = inside(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
PRIVATE_6 = inside(
    "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"
)
PUBLIC_4 = inside("8.0.0.0/8", "93.184.0.0/16", "1.1.1.0/24")
MAPPED = 0xFFFF << 32
CARRIERS = {
    "compatible": lambda four: four,
    "mapped": lambda four: MAPPED | four,
    "translated": lambda four: int(ip_address("64:ff9b::")) | four,
    "6to4": lambda four: 0x2002 << 112 | four << 80,
    "teredo": lambda four: 0x20010000 << 96 | four ^ 0xFFFFFFFF,
}
BASES = {"decimal": str, "octal": lambda number: f"0{number:o}", "hexadecimal": hex, "capitals": "0X{:X}".format}


@given(PRIVATE_4)
def test_no_private_address_is_public_in_whatever_carries_it(four: int) -> None:
    assert not is_public(IPv4Address(four))
    assert [name for name, carried in CARRIERS.items() if is_public(IPv6Address(carried(four)))] == []


@given(PRIVATE_6)
def test_no_private_address_of_version_6_is_public(six: int) -> None:
    assert not is_public(IPv6Address(six))
    with pytest.raises(AddressRefused):
        checked_addresses(IPv6Address(six).exploded, 443, NO_PRIVATE_HOSTS, lambda host, port: [host])


@given(PUBLIC_4)
def test_a_public_address_is_public_also_where_it_is_mapped(four: int) -> None:
    assert is_public(IPv4Address(four))
    assert is_public(IPv6Address(MAPPED | four))


@given(PRIVATE_4, st.integers(1, 4), st.lists(st.sampled_from(sorted(BASES)), min_size=4, max_size=4))
def test_a_private_address_is_refused_in_every_spelling(four: int, parts: int, bases: list[str]) -> None:
    """In one to four parts, of which the last one takes the rest, each in a base of its own."""
    heads = [four >> 24 - 8 * place & 0xFF for place in range(parts - 1)]
    numbers = [*heads, four & (1 << 32 - 8 * (parts - 1)) - 1]
    host = ".".join(BASES[base](number) for base, number in zip(bases, numbers, strict=False))

    with pytest.raises((AddressRefused, OSError)):
        checked_addresses(parse_url(f"https://{host}/").host, 443, NO_PRIVATE_HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://ex..ample",
        "https://.example",
        f"https://{'a' * 64}.example",
        f"https://{'.'.join(['a' * 60] * 5)}",
        "https://a b.example",
        "https://*.example",
        "https://a\\b",
        "https://x.example:0",
        "https://x.example:65536",
        "https://[::1",
    ],
)
def test_what_no_resolver_takes_is_refused_before_it_is_asked(url: str) -> None:
    """Its own errors for these are no OSError, and would end the run as a fault of ours."""
    with pytest.raises(AddressRefused):
        parse_url(url)


@pytest.mark.parametrize(
    "url", ["https://x.example.", "https://my_bucket.s3.example", "https://münchen.example", "https://[::1]:8443/a"]
)
def test_odd_but_legal_names_are_taken(url: str) -> None:
    assert parse_url(url).host


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "017700000001", "0", "localhost", "①②⑦.0.0.1"])
def test_all_spellings_of_loopback_are_refused(host: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        checked_addresses(host, 443, NO_PRIVATE_HOSTS)


def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(AddressRefused) as caught:
        checked_addresses("mixed.example", 443, NO_PRIVATE_HOSTS, lambda host, port: ["93.184.216.34", "10.0.0.1"])

    assert "10.0.0.1" not in str(caught.value)


def test_a_zone_does_not_hide_a_link_local_address() -> None:
    with pytest.raises(AddressRefused):
        checked_addresses("zone.example", 443, NO_PRIVATE_HOSTS, lambda host, port: ["fe80::1%eth0"])


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/",
        "https://a.example:8443/",
        "https://u:p@a.example/",
        "https:///x",
        "ftp://a.example/",
        "gopher://a.example/",
        "a.example",
        "https://[::1",
        "https://a.example:99999/",
        "",
    ],
)
def test_addresses_that_are_refused_by_their_text(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, NO_PRIVATE_HOSTS)


@pytest.mark.parametrize("url", ["https://a.example/x?y=1", "https://a.example:443/"])
def test_https_on_its_port_is_fine(url: str) -> None:
    check_url(url, NO_PRIVATE_HOSTS)


def test_private_networks_may_be_allowed() -> None:
    check_url("http://127.0.0.1:8000/x", ALL_PRIVATE_HOSTS)

    with pytest.raises(AddressRefused):
        check_url("http://u:p@127.0.0.1:8000/x", ALL_PRIVATE_HOSTS)


def test_a_client_refuses_plain_http_before_it_asks(httpserver: HTTPServer) -> None:
    with pytest.raises(RequestFailed) as caught:
        fetch(spec(httpserver.url_for("")), private=NO_PRIVATE_HOSTS)

    assert caught.value.code == "address_refused"
    assert httpserver.log == []


def test_a_connection_to_a_private_address_is_refused_where_it_is_made(httpserver: HTTPServer) -> None:
    transport = GuardedTransport(
        Deadline(), connections=1, addresses=partial(checked_addresses, private=NO_PRIVATE_HOSTS)
    )

    with httpx2.Client(transport=transport) as http, pytest.raises(AddressRefused):
        http.get(httpserver.url_for("/"))
    assert httpserver.log == []


def test_the_connections_of_a_client_are_guarded_too(httpserver: HTTPServer) -> None:
    url = httpserver.url_for("/")
    exchange = Exchange(private=NO_PRIVATE_HOSTS, page_bytes=1_000, clock=time.monotonic)

    with pytest.raises(AddressRefused):
        exchange.send(Outgoing("GET", url, {}, None, Parts(), url), deadline=time.monotonic() + 10)
    assert httpserver.log == []


def test_the_connection_goes_to_the_checked_address_and_keeps_the_name(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_json({})
    asked: list[str] = []

    def addresses(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    transport = GuardedTransport(Deadline(), connections=1, addresses=addresses)
    with httpx2.Client(transport=transport) as http:
        http.get(f"http://source.invalid:{httpserver.port}/")

    request, _ = httpserver.log[0]
    assert request.host == f"source.invalid:{httpserver.port}"
    assert asked == ["source.invalid"]


def test_the_next_address_is_tried_where_one_does_not_answer(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_json({})
    transport = GuardedTransport(Deadline(), connections=1, addresses=lambda host, port: ["127.0.0.9", "127.0.0.1"])

    with httpx2.Client(transport=transport) as http:
        assert http.get(f"http://source.invalid:{httpserver.port}/").status_code == 200


def test_a_name_without_an_address_is_a_failed_connection() -> None:
    def addresses(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    transport = GuardedTransport(Deadline(), connections=1, addresses=addresses)
    with httpx2.Client(transport=transport) as http, pytest.raises(httpx2.ConnectError, match="has no address"):
        http.get("http://source.invalid/")
