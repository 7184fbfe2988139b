"""One request and its response over httpx2: redirects within the origin, bounds of time, errors in our own words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import httpcore2
import httpx2

from runs.connectors.address_guard import PrivateHosts, checked_addresses, joined, parse_url
from runs.connectors.errors import RequestFailed
from runs.connectors.reply import Reply, read_reply
from runs.connectors.request import Outgoing, check_origin
from runs.connectors.transport import Deadline, Line

TIMEOUTS = httpx2.Timeout(30, connect=5).as_dict()  # seconds
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_WITH_CONTENT = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class _Content:
    """A request's body, which tells when it has been sent to its end."""

    data: bytes | None
    on_sent: Callable[[], None]

    def __iter__(self) -> Iterator[bytes]:
        if self.data:
            yield self.data
        self.on_sent()


class Exchange:
    """Sends requests over kept connections. Safe to use from several threads.

    Each connection has one request at a time, and the one used last is used next: threads that share a pool wait for
    one another at its lock. What goes out is what is asked for: a client on top of the connections would add cookies,
    credentials and redirects of its own.
    """

    def __init__(self, *, private: PrivateHosts, page_bytes: int, clock: Callable[[], float]) -> None:
        """Of a body so many bytes are read at most."""
        self._deadline = Deadline(clock)
        self._page_bytes = page_bytes
        self._addresses = None if private.everywhere else partial(checked_addresses, private=private)
        self._lock = threading.Lock()
        self._all: list[Line] = []
        self._free: list[Line] = []
        self._is_closed = False

    def close(self) -> None:
        """Requests in flight break off, and no more are sent."""
        with self._lock:
            self._is_closed = True
        for line in self._all:
            line.close()

    def send(self, outgoing: Outgoing, *, deadline: float, on_sent: Callable[[], None] = lambda: None) -> Reply:
        """The reply, whatever its status. `on_sent` is called before it is waited for.

        Raises RequestFailed where there is no reply that can be read.
        """
        self._deadline.at = deadline
        with own_words():
            for _ in range(MAX_REDIRECTS + 1):
                reply = self._send_once(outgoing, on_sent)
                if reply.status_code not in _REDIRECTS or "location" not in reply.headers:
                    return reply
                outgoing = _redirected(outgoing, reply)
        message = f"The source redirects more than {MAX_REDIRECTS} times."
        raise RequestFailed("too_many_redirects", message, status_code=reply.status_code)

    def _send_once(self, outgoing: Outgoing, on_sent: Callable[[], None]) -> Reply:
        url = parse_url(outgoing.url)
        with self._line() as line:
            response = line.send(_request(outgoing, url, on_sent))
            try:
                return read_reply(response, str(url), self._page_bytes)
            finally:
                response.close()

    @contextmanager
    def _line(self) -> Iterator[Line]:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The connections are closed.")
            if not self._free:
                self._free.append(Line(self._deadline, addresses=self._addresses))
                self._all += self._free
            line = self._free.pop()
        try:
            yield line
        finally:
            self._free.append(line)


def _request(outgoing: Outgoing, url: httpx2.URL, on_sent: Callable[[], None]) -> httpcore2.Request:
    headers = [(b"Host", url.netloc), *((name.encode(), value.encode()) for name, value in outgoing.headers.items())]
    if outgoing.content is not None or outgoing.verb in _WITH_CONTENT:  # RFC 9110, section 8.6
        headers.append((b"Content-Length", b"%d" % len(outgoing.content or b"")))
    return httpcore2.Request(
        outgoing.verb,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=headers,
        content=_Content(outgoing.content, on_sent),
        extensions={"timeout": TIMEOUTS},
    )


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
    except (httpcore2.TimeoutException, httpx2.TimeoutException) as error:
        raise RequestFailed("timeout", f"{peer} took too long ({_kind(error)}).", permanent=False) from error
    except httpx2.DecodingError as error:
        message = "The body could not be decompressed."
        raise RequestFailed("broken_body", message, permanent=False) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.TransportError) as error:
        message = f"The connection failed ({_kind(error)}): {error}"
        raise RequestFailed("connection_failed", message, permanent=False) from error


def _kind(error: Exception) -> str:
    return type(error).__name__
