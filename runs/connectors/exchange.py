"""One request and its response over httpx2: redirects within the origin, bounds of time, errors in our own words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx2

from runs.connectors.address_guard import joined, parse_url, public_addresses
from runs.connectors.errors import RequestFailed
from runs.connectors.reply import Reply, read_reply
from runs.connectors.request import Outgoing, check_origin
from runs.connectors.transport import Deadline, GuardedTransport

TIMEOUTS = httpx2.Timeout(30, connect=5).as_dict()  # seconds
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class Exchange:
    """Sends requests over kept connections. Safe to use from several threads.

    Each connection has one request at a time, and the one used last is used next: threads that share a pool wait for
    one another at its lock. What goes out is what is asked for: a client on top of the connections would add cookies,
    credentials and redirects of its own.
    """

    def __init__(self, *, allow_private: bool, clock: Callable[[], float]) -> None:
        self._deadline = Deadline(clock)
        self._addresses = None if allow_private else public_addresses
        self._lock = threading.Lock()
        self._all: list[GuardedTransport] = []
        self._free: list[GuardedTransport] = []
        self._is_closed = False

    def close(self) -> None:
        """Requests in flight break off, and no more are sent."""
        with self._lock:
            self._is_closed = True
        for transport in self._all:
            transport.close()

    def send(self, outgoing: Outgoing, *, deadline: float) -> Reply:
        """The reply, whatever its status. Raises RequestFailed where there is none that can be read."""
        self._deadline.at = deadline
        with own_words():
            for _ in range(MAX_REDIRECTS + 1):
                reply = self._send_once(outgoing)
                if reply.status_code not in _REDIRECTS or "location" not in reply.headers:
                    return reply
                outgoing = _redirected(outgoing, reply)
        message = f"The source redirects more than {MAX_REDIRECTS} times."
        raise RequestFailed("too_many_redirects", message, status_code=reply.status_code)

    def _send_once(self, outgoing: Outgoing) -> Reply:
        request = httpx2.Request(
            outgoing.verb,
            parse_url(outgoing.url),
            headers=[(name.encode(), value.encode()) for name, value in outgoing.headers.items()],
            content=outgoing.content,
            extensions={"timeout": TIMEOUTS},
        )
        with self._transport() as transport:
            response = transport.handle_request(request)
            try:
                response.request = request
                return read_reply(response)
            finally:
                response.close()

    @contextmanager
    def _transport(self) -> Iterator[GuardedTransport]:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The connections are closed.")
            if not self._free:
                self._free.append(GuardedTransport(self._deadline, connections=1, addresses=self._addresses))
                self._all += self._free
            transport = self._free.pop()
        try:
            yield transport
        finally:
            self._free.append(transport)


def _redirected(outgoing: Outgoing, reply: Reply) -> Outgoing:
    """Followed only within the origin, so that credentials stay there, and only where nothing is written."""
    url = joined(reply.url, reply.headers["location"])
    check_origin(outgoing.base_url, url)
    if outgoing.verb != "GET":
        message = f"The source redirects a {outgoing.verb}, which is not followed."
        raise RequestFailed("redirected", message, status_code=reply.status_code)
    return replace(outgoing, url=url)


@contextmanager
def own_words(peer: str = "The source") -> Iterator[None]:
    """Raises RequestFailed for what the transport raises; its message says "the peer took too long" and the like."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise RequestFailed("timeout", f"{peer} took too long ({_kind(error)}).", permanent=False) from error
    except httpx2.DecodingError as error:
        message = "The body could not be decompressed."
        raise RequestFailed("broken_body", message, permanent=False) from error
    except httpx2.TransportError as error:
        message = f"The connection failed ({_kind(error)}): {error}"
        raise RequestFailed("connection_failed", message, permanent=False) from error


def _kind(error: Exception) -> str:
    return type(error).__name__
