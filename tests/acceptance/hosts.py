"""Several hosts on one machine, to cut one off from the others: network namespaces, else processes behind proxies."""

from __future__ import annotations

import ipaddress
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from tests.faults.proxy import proxied
from tests.own_servers import HERE, Place

NAMES = ("data", "web", "one", "two")


@dataclass(frozen=True)
class Host:
    """`reach`: a URL as this host has to write it. `cut`: nothing gets in or out any more, and nobody is told."""

    name: str
    place: Place
    reach: Callable[[str], str]
    cut: Callable[[], None]
    mend: Callable[[], None]


@dataclass(frozen=True)
class Network:
    """The hosts by their names. `outside`: the address of this machine, as they see it."""

    hosts: dict[str, Host]
    outside: str


def lacking_for_namespaces() -> str:
    """Why this machine can't make hosts of its own; empty: it can."""
    if os.geteuid() != 0:
        return "network namespaces are made by root alone"
    if missing := [program for program in ("ip", "nsenter", "setpriv") if shutil.which(program) is None]:
        return f"{' and '.join(missing)} is missing"
    name = f"sd{secrets.token_hex(3)}"
    with ExitStack() as cleanup:
        try:
            _ip("netns", "add", name)
            cleanup.callback(_ip, "netns", "del", name)
            _ip("link", "add", name, "type", "bridge")
            cleanup.callback(_ip, "link", "del", name)
        except subprocess.CalledProcessError as error:
            return f"no network namespace: {error.stderr.strip()}"
    return ""


@contextmanager
def namespaces() -> Iterator[Network]:
    """Each host a network namespace with one cable, all of them in one switch with this machine."""
    token = secrets.token_hex(3)
    net = ipaddress.ip_network(f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.0/24")
    outside, *addresses = (str(address) for address, _ in zip(net.hosts(), range(len(NAMES) + 1), strict=False))
    with ExitStack() as cleanup:
        _ip("link", "add", f"sd{token}", "type", "bridge")
        cleanup.callback(_ip, "link", "del", f"sd{token}")
        _ip("address", "add", f"{outside}/24", "dev", f"sd{token}")
        _ip("link", "set", f"sd{token}", "up")
        hosts = {
            name: cleanup.enter_context(_namespace(token, name, address))
            for name, address in zip(NAMES, addresses, strict=True)
        }
        yield Network(hosts, outside)


@contextmanager
def _namespace(token: str, name: str, address: str) -> Iterator[Host]:
    namespace, cable = f"sd{token}-{name}", f"sd{token}{name}"
    _ip("netns", "add", namespace)
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("link", "set", cable, "master", f"sd{token}", "up")
        for settings in (("address", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", namespace, *settings)
        _ip("-n", namespace, "link", "set", "lo", "up")
        place = Place(address, ("nsenter", f"--net=/run/netns/{namespace}", "--"))
        yield Host(name, place, str, lambda: _ip("link", "set", cable, "down"), lambda: _ip("link", "set", cable, "up"))
    finally:
        for pid in _ip("netns", "pids", namespace).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _ip("netns", "del", namespace)


@contextmanager
def processes_alone(urls: list[str]) -> Iterator[Network]:
    """No hosts, but folders and ways of their own to these servers, which can be cut: what any machine can make."""
    with ExitStack() as cleanup:
        hosts = {name: cleanup.enter_context(_behind_proxies(name, urls)) for name in NAMES}
        yield Network(hosts, HERE.address)


@contextmanager
def _behind_proxies(name: str, urls: list[str]) -> Iterator[Host]:
    with ExitStack() as cleanup:
        ways = {url: cleanup.enter_context(proxied(url)) for url in urls}

        def reach(url: str) -> str:
            return ways[url].url(url)

        def cut() -> None:
            for way in ways.values():
                way.stall()

        def mend() -> None:
            for way in ways.values():
                way.mend()

        yield Host(name, HERE, reach, cut, mend)


def _ip(*arguments: str) -> str:
    return subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True).stdout
