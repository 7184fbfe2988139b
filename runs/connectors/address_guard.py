"""Which addresses a request may go to: public ones, over https, on its port; and the private hosts that are allowed.

The guard looks at what a name resolves to and connects to exactly that, so a name that changes its address between
the check and the connection gains nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self
from urllib.parse import urljoin

import httpx2

from runs.connectors.errors import RequestFailed

HIGHEST_PORT = 65_535
LONGEST_NAME = 253  # RFC 1035, section 2.3.4, as text
# Who reads it may be a newcomer whose API is on the same machine.
NOT_INSIDE = "private networks are not allowed (the setting ALLOWED_PRIVATE_HOSTS opens single hosts)."
_LABEL = re.compile(r"[\w-]{1,63}", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[\da-f]*", re.ASCII)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
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


@dataclass(frozen=True)
class PrivateHosts:
    """Where requests may go besides the public internet.

    - `names`: hosts of exactly these names, wherever they lead, by plain http and to any port too.
    - `networks`: the addresses in them. A host that is written as one of them may be asked by plain http and at any
      port too; a name that leads there needs https on its port, as any other.
    - `everywhere`: anywhere, by plain http and to any port.
    """

    everywhere: bool = False
    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str], *, everywhere: bool = False) -> Self:
        """Of names, addresses and networks (`10.20.0.0/16`). Raises ValueError for what is none of them."""
        names: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry))
            except ValueError:
                names.add(_name_of(entry))
        return cls(everywhere, frozenset(names), tuple(networks))

    def frees_host(self, host: str) -> bool:
        """Whether a request to the host of an address, in ASCII, may go by plain http and to any port."""
        name = _canonical(host)
        if self.everywhere or name in self.names:
            return True
        try:
            return self._holds(ip_address(name))
        except ValueError:
            return False

    def may_be_connected(self, host: str, address: str) -> bool:
        """Whether the address is one that the host may lead to."""
        found = ip_address(address.partition("%")[0])
        return is_public(found) or self._holds(found) or self.frees_host(host)

    def _holds(self, address: Address) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any(_is_in(mapped or address, network) for network in self.networks)


NO_PRIVATE_HOSTS, ALL_PRIVATE_HOSTS = PrivateHosts(), PrivateHosts(everywhere=True)


def _name_of(entry: str) -> str:
    """The name as an address has it. Raises ValueError for what can't be one, or is a number that resolvers read."""
    error = ValueError(f"{entry!r} is neither the exact name of a host, nor an address, nor a network.")
    try:
        name = _canonical(ascii_host(parse_url(f"https://{entry}")))
    except AddressRefused:
        raise error from None
    if not set(entry).isdisjoint("/:@?#[]") or _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise error
    return name


def _canonical(host: str) -> str:
    return host.lower().removesuffix(".")


def _is_in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if any(_is_in(address, network) for network in _DENIED):
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
    if not _is_host(ascii_host(parsed)) or not 0 < port <= HIGHEST_PORT:
        raise AddressRefused("The address is not a valid one.")
    return parsed


def ascii_host(url: httpx2.URL) -> str:
    """The host as resolvers and connections are given it."""
    return url.raw_host.decode("ascii", "replace")


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


def check_url(url: str, private: PrivateHosts) -> None:
    """Raises AddressRefused for an address that no request may go to, as far as its text shows."""
    parsed = parse_url(url)
    is_usual = parsed.scheme == "https" and parsed.port is None
    if not is_usual and not private.frees_host(ascii_host(parsed)):
        raise AddressRefused(f"The address must use https on its default port: {NOT_INSIDE}")


def resolve_host(host: str, port: int) -> list[str]:
    """The numeric addresses of the host. The system's resolver also reads spellings such as `127.1`. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def checked_addresses(host: str, port: int, private: PrivateHosts, resolve: Resolver = resolve_host) -> list[str]:
    """The host's addresses, all of which may be connected to. Raises AddressRefused, and OSError if it has none."""
    addresses = resolve(host, port)
    check_addresses(host, addresses, private)
    return addresses


def check_addresses(host: str, addresses: Iterable[str], private: PrivateHosts) -> None:
    """Raises AddressRefused if the host leads to an address that is neither public nor allowed. Which, is not told."""
    if not all(private.may_be_connected(host, address) for address in addresses):
        raise AddressRefused(f"{host} is not on the public internet: {NOT_INSIDE}")
