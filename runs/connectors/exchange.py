"""One request and its response over httpx2: redirects within the origin, bounds of time, errors in our own words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from runs.connectors.address_guard import joined, public_addresses
from runs.connectors.errors import RequestFailed
from runs.connectors.reply import Reply, read_reply
from runs.connectors.request import Outgoing, check_origin
from runs.connectors.transport import Deadline, GuardedTransport

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MAX_REDIRECTS = 5
logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs addresses as they are, credentials included
_REDIRECTS = (301, 302, 303, 307, 308)


class Exchange:
    """Sends requests over kept connections. Safe to use from several threads."""

    def __init__(
        self,
        connections: int,
        *,
        allow_private: bool,
        transport: httpx2.BaseTransport | None,
        clock: Callable[[], float],
    ) -> None:
        self._deadline = Deadline(clock)
        addresses = None if allow_private else public_addresses
        self._client = httpx2.Client(
            transport=transport or GuardedTransport(self._deadline, connections=connections, addresses=addresses),
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no request depends on another's answer
        )

    def close(self) -> None:
        self._client.close()

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
        request = self._client.build_request(
            outgoing.verb,
            outgoing.url,
            headers=[(name.encode(), value.encode()) for name, value in outgoing.headers.items()],
            content=outgoing.content,
        )
        response = self._client.send(request, stream=True)
        try:
            return read_reply(response)
        finally:
            response.close()


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
