"""Sources for the tests of connectors, and a time that stands still until somebody waits."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from runs.connectors import ALL_PRIVATE_HOSTS, ApiClient, ApiSpec, FetchedPage, RequestValues, parse_integration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = "t0k3n-of-acme"


class StillTime:
    """Clock and wait in one: time passes by waiting only, and each wait is kept."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


def config(base_url: str = "https://api.example.com", **over: Any) -> dict[str, Any]:
    """A config with the resource `things`: a list in `data`, one by id, and three writes."""
    return {
        "base_url": base_url,
        "authorization": {"format": "bearer", "config": {"token": "{{context.token}}"}},
        "resources": {
            "things": {
                "list": {"path": "/things", "response_path": "data"},
                "get": {"path": "/things/{{id}}"},
                "create": {"path": "/things"},
                "update": {"path": "/things/{{id}}"},
                "delete": {"path": "/things/{{id}}"},
            }
        },
        **over,
    }


def spec(base_url: str = "https://api.example.com", **over: Any) -> ApiSpec:
    return parse_integration(config(base_url, **over))


def list_spec(base_url: str, pagination: dict[str, Any], **method: Any) -> ApiSpec:
    """A spec whose only method is the paginated list of things."""
    methods = {"list": {"path": "/things", "response_path": "data", **method}}
    return spec(base_url, pagination=pagination, resources={"things": methods})


def client(of: ApiSpec, time: StillTime | None = None, **over: Any) -> ApiClient:
    time = time or StillTime()
    values = {"wait": time.wait, "private": ALL_PRIVATE_HOSTS, "clock": time.clock, "now": time.now, **over}
    return ApiClient(of, {"token": TOKEN}, **values)


def fetch(
    of: ApiSpec,
    time: StillTime | None = None,
    *,
    method: str = "list",
    request: RequestValues | None = None,
    **over: Any,
) -> FetchedPage:
    """The first page of the things."""
    with client(of, time, **over) as api:
        return api.fetch(of.method("things", method), request or RequestValues(), None)


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """The bytes of a whole response, the last on its connection."""
    length = f"Content-Length: {len(body)}"
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", length, "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class RawSource:
    """Answers one connection after the other with the given bytes, or by a function of the socket, then closes it.

    `reset`: closes as a broken peer does, with what it has not sent.
    """

    def __init__(self, *answers: bytes | Callable[[socket.socket], None], reset: bool = False) -> None:
        self._answers = answers
        self._reset = reset
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the test is over
                return
            with connection, suppress(ConnectionError):  # a client need not read to the end
                self._answer(connection, answer)

    def _answer(self, connection: socket.socket, answer: bytes | Callable[[socket.socket], None]) -> None:
        self.requests.append(connection.recv(65_536))
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)
        if self._reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
