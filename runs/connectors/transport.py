"""The way to the network: guarded addresses, and an end to every request however slowly it drips."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

KEPT_SECONDS = 30.0  # a connection without a request
Addresses = Callable[[str, int], list[str]]


class Deadline(threading.local):
    """Until when, on the clock, the request in this thread may take. HTTP/1.1 reads a response in its own thread."""

    at = float("inf")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def capped(self, timeout: float | None) -> float:
        """The timeout, or what is left if that is less. Raises ReadTimeout when nothing is left."""
        left = self.at - self._clock()
        if left <= 0:
            raise httpcore2.ReadTimeout("The request took too long as a whole.")
        return left if timeout is None else min(timeout, left)


class Line:
    """One connection, kept for the next request to the same origin. Guarded as the transport's below.

    It has no pool, and none of a client's layers: between two pages these take longer than the protocol itself.
    """

    def __init__(self, deadline: Deadline, *, addresses: Addresses | None) -> None:
        self._backend = _GuardedBackend(deadline, addresses)
        self._connection: httpcore2.HTTPConnection | None = None

    def send(self, request: httpcore2.Request) -> httpcore2.Response:
        """The beginning of the response; it has to be closed. Raises what httpcore2 does."""
        connection = self._connection
        if connection is None or not _may_carry(connection, request.url.origin):
            self.close()
            connection = self._connection = self._opened(request.url.origin)
        return connection.handle_request(request)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _opened(self, origin: httpcore2.Origin) -> httpcore2.HTTPConnection:
        """It connects with its first request."""
        return httpcore2.HTTPConnection(
            origin, ssl_context=_ssl_context(), keepalive_expiry=KEPT_SECONDS, network_backend=self._backend
        )


def _may_carry(connection: httpcore2.HTTPConnection, origin: httpcore2.Origin) -> bool:
    is_ready = connection.is_available() and not connection.has_expired()
    return is_ready and connection.can_handle_request(origin)


class GuardedTransport(httpx2.HTTPTransport):
    """Connects to the addresses that `addresses(host, port)` gives for a name, and reads no longer than the deadline.

    The addresses are looked up and checked where the connection is made, once, and one of just these is connected to.
    Certificates and the Host header keep the name. Without `addresses` the system may connect to any.

    It speaks HTTP/1.1, also to a source that offers HTTP/2: httpcore2 lets threads that share such a connection take
    the same stream, which hangs; and with a connection for each request a page of half a megabyte costs twice as much.
    """

    def __init__(
        self,
        deadline: Deadline,
        *,
        connections: int,
        addresses: Addresses | None,
    ) -> None:
        context = _ssl_context()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=_GuardedBackend(deadline, addresses),
        )


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    """One for all: making it reads the system's certificates, some 25 ms."""
    return httpx2.create_ssl_context(trust_env=False)


class _GuardedBackend(httpcore2.NetworkBackend):
    def __init__(self, deadline: Deadline, addresses: Addresses | None) -> None:
        self._deadline = deadline
        self._addresses = addresses
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        *others, last = self._addresses_of(host, port)
        for address in others:
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._connect(last, port, timeout, local_address, socket_options)

    def _addresses_of(self, host: str, port: int) -> list[str]:
        if self._addresses is None:
            return [host]
        try:
            return self._addresses(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} has no address.") from error

    def _connect(self, address: str, port: int, timeout: float | None, *how: Any) -> httpcore2.NetworkStream:
        """Within the deadline too: a name may have any number of addresses at which nobody answers."""
        stream = self._sockets.connect_tcp(address, port, self._deadline.capped(timeout), *how)
        return _TimedStream(stream, self._deadline)


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose reads end at the deadline. A read timeout alone starts again with every byte."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.capped(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.capped(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.capped(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
