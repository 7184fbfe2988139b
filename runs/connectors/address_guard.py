"""Which addresses a request may go to. Unless private networks are allowed: public ones, over https, on its port.

The guard looks at what a name resolves to and connects to exactly that, so a name that changes its address between
the check and the connection gains nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin

import httpx2

from runs.connectors.errors import RequestFailed

HIGHEST_PORT = 65_535
LONGEST_NAME = 253  # RFC 1035, section 2.3.4, as text
_LABEL = re.compile(r"[\w-]{1,63}", re.ASCII)

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], list[str]]

# `is_global` of Python 3.11 says yes to most of these: they carry an IPv4 address that may be private, or are retired.
_DENIED = tuple(
    ip_network(text)
    for text in (
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # local NAT64 (RFC 8215)
        "2002::/16",  # 6to4 (RFC 3056)
        "2001::/32",  # Teredo (RFC 4380)
        "::/96",  # IPv4-compatible (RFC 4291, section 2.5.5.1)
        "fec0::/10",  # site-local (RFC 3879)
        "100.64.0.0/10",  # shared by carriers (RFC 6598)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
    )
)


class AddressRefused(RequestFailed):
    """The address is not one that requests may go to. The message does not say where the name led."""

    def __init__(self, message: str) -> None:
        super().__init__("address_refused", message)


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if any(address.version == network.version and address in network for network in _DENIED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@lru_cache(maxsize=256)
def parse_url(url: str) -> httpx2.URL:
    """The address as the client will understand it: read by one parser only, so that no two can disagree about where
    it leads. Raises AddressRefused for one that is malformed, holds a user name, or is not http(s)."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise AddressRefused("The address is not a valid one.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise AddressRefused("The address must begin with https:// and name a host.")
    if parsed.userinfo:
        raise AddressRefused("The address must not hold a user name or password.")
    port = 443 if parsed.port is None else parsed.port
    if not _is_host(parsed.raw_host.decode("ascii", "replace")) or not 0 < port <= HIGHEST_PORT:
        raise AddressRefused("The address is not a valid one.")
    return parsed


def _is_host(name: str) -> bool:
    """Whether resolver and socket take the name: they fail on others in ways of their own. The parser has read IPv6."""
    labels = name.removesuffix(".").split(".")
    return ":" in name or (len(name) <= LONGEST_NAME and all(map(_LABEL.fullmatch, labels)))


def joined(base_url: str, link: str) -> str:
    """The address that a link on the page at `base_url` leads to. Raises AddressRefused for a malformed one."""
    try:
        return urljoin(base_url, link)
    except ValueError as error:
        raise AddressRefused("The address is not a valid one.") from error


def check_url(url: str, *, allow_private: bool) -> None:
    """Raises AddressRefused for an address that no request may go to, as far as its text shows."""
    parsed = parse_url(url)
    if not allow_private and (parsed.scheme != "https" or parsed.port is not None):
        raise AddressRefused("The address must use https on its default port: private networks are not allowed.")


def resolve_host(host: str, port: int) -> list[str]:
    """The numeric addresses of the host. The system's resolver also reads spellings such as `127.1`. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def public_addresses(host: str, port: int, resolve: Resolver = resolve_host) -> list[str]:
    """The addresses of the host, all of them public. Raises AddressRefused if one is not, OSError if it has none."""
    addresses = resolve(host, port)
    if not all(is_public(ip_address(address.partition("%")[0])) for address in addresses):
        raise AddressRefused(f"{host} is not on the public internet: private networks are not allowed.")
    return addresses
