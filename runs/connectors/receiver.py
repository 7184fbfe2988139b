"""Sending an event to a webhook's receiver: guarded addresses, no redirects, an end to every wait, a bounded answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from runs.connectors.address_guard import (
    NOT_INSIDE,
    AddressRefused,
    PrivateHosts,
    Resolver,
    ascii_host,
    check_addresses,
    check_url,
    checked_addresses,
    parse_url,
    resolve_host,
)
from runs.connectors.errors import RequestFailed
from runs.connectors.exchange import own_words
from runs.connectors.request import USER_AGENT
from runs.connectors.retry import retry_after
from runs.connectors.transport import Deadline, GuardedTransport

CONNECT_SECONDS = 5.0
SECONDS = 15.0  # for all of an attempt
LOOKUP_SECONDS = 2.0  # a person waits for it
MAX_ANSWER = 4096
GONE = 410


@dataclass(frozen=True)
class Answer:
    """What came of one attempt. `status_code` is None where the receiver said nothing; `error` is empty on success.

    `text` is the beginning of the answer's body, `retry_after` the seconds that it asks to wait.
    """

    status_code: int | None
    error: str
    seconds: float
    text: str = ""
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def is_gone(self) -> bool:
        """The receiver says that it will never be back (RFC 9110, section 15.5.11)."""
        return self.status_code == GONE


def check_target(url: str, private: PrivateHosts) -> None:
    """Raises AddressRefused for an address that no event may go to, as far as its text shows.

    No name is looked up: that is done, and checked, at each connection.
    """
    check_url(url, private)
    host = ascii_host(parse_url(url))
    if private.frees_host(host):
        return
    if host == "localhost" or host.endswith(".localhost"):
        raise AddressRefused(f"{host} is this machine: {NOT_INSIDE}")
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return  # a name, no number
    check_addresses(host, [str(address[0]) for *_, address in found], private)


def check_name(url: str, private: PrivateHosts, resolve: Resolver = resolve_host) -> None:
    """Raises AddressRefused for an address whose name leads to a private host now, for a person to see at once.

    A name that leads nowhere, or not within seconds, is taken: what it leads to is checked at each connection.
    """
    if private.everywhere:
        return
    parsed, found = parse_url(url), list[str]()

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(resolve(ascii_host(parsed), parsed.port or 443))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    check_addresses(ascii_host(parsed), list(found), private)


class ReceiverClient:
    """Posts bodies as they are. Safe to use from several threads; connections are kept for the next event."""

    def __init__(
        self,
        *,
        private: PrivateHosts,
        connections: int = 8,
        seconds: float = SECONDS,
        transport: httpx2.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._private = private
        self._seconds = seconds
        self._clock = clock
        self._deadline = Deadline(clock)
        addresses = None if private.everywhere else partial(checked_addresses, private=private)
        self._client = httpx2.Client(
            transport=transport or GuardedTransport(self._deadline, connections=connections, addresses=addresses),
            timeout=httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def close(self) -> None:
        self._client.close()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One attempt. Never raises for what the receiver or the network does."""
        begun = self._clock()
        self._deadline.at = begun + self._seconds
        try:
            check_target(url, self._private)
            with own_words("The receiver"):
                return self._answer(url, body, headers, begun)
        except RequestFailed as failed:
            return Answer(None, failed.message, self._clock() - begun)

    def _answer(self, url: str, body: bytes, headers: Mapping[str, str], begun: float) -> Answer:
        own = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": USER_AGENT}
        with self._client.stream("POST", url, content=body, headers={**own, **headers}) as response:
            text = _beginning(response)
            status = response.status_code
            told = response.headers
        wait = retry_after(told.get("retry-after"), told.get("date"), datetime.now(UTC))
        return Answer(status, _error(response), self._clock() - begun, text, wait)


def _beginning(response: httpx2.Response) -> str:
    """Enough to tell a person; the rest is not read. A broken body does not unsay the status."""
    body = bytearray()
    with suppress(httpx2.TransportError):
        for chunk in response.iter_raw():
            body += chunk
            if len(body) >= MAX_ANSWER:
                break
    return bytes(body[:MAX_ANSWER]).decode("utf-8", "replace")


def _error(response: httpx2.Response) -> str:
    if response.is_success:
        return ""
    where = " A redirect is not followed." if response.is_redirect else ""
    return f"The receiver answered {response.status_code} {response.reason_phrase}".strip() + f".{where}"
