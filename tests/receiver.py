"""A webhook's receiver on a real socket: keeps every body's bytes, answers as told, can be away for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook as Standard
from werkzeug import Request, Response

from tests.http_server import PromptServer

OK = 200


@dataclass(frozen=True)
class Received:
    """One request that arrived, and the status that it was answered with."""

    body: bytes
    headers: dict[str, str]
    status: int

    @property
    def envelope(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def id(self) -> str:
        return str(self.envelope["id"])

    @property
    def event(self) -> str:
        return str(self.envelope["event"]).removeprefix("sync_job_run:")

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = self.envelope["payload"]
        return payload


@dataclass
class Receiver:
    """`answer` gives each request's status (or a whole response); it may wait, or act on the run."""

    answer: Callable[[Received], int | Response] = lambda received: OK
    arrived: list[Received] = field(default_factory=list)
    port: int = 0
    _server: PromptServer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        """Listen; after a stop, on the same port."""
        self._server = PromptServer(port=self.port, threaded=True)
        self._server.expect_request(re.compile(".*")).respond_with_handler(self._handle)
        self._server.start()
        self.port = self._server.port

    def stop(self) -> None:
        """Be away: connections are refused."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def accepted(self, event: str = "") -> list[Received]:
        """What was answered with a 2xx, in its order; of one kind, or all."""
        return [one for one in list(self.arrived) if one.status // 100 == 2 and event in ("", one.event)]

    def events(self) -> list[str]:
        return [one.event for one in self.accepted()]

    def records(self) -> list[dict[str, Any]]:
        """All records that were acknowledged, each event once."""
        once = {one.id: one for one in self.accepted("record")}
        return [record for one in once.values() for record in one.payload["records"]]

    def bodies(self) -> dict[str, set[bytes]]:
        """The different bytes that came under each id: one each, if all is well."""
        found: dict[str, set[bytes]] = defaultdict(set)
        for one in list(self.arrived):
            found[one.id].add(one.body)
        return found

    def _handle(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Received(request.get_data(), headers, 0)
        answer = self.answer(got)
        response = Response("", answer) if isinstance(answer, int) else answer
        with self._lock:
            self.arrived.append(Received(got.body, headers, response.status_code))
        return response


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port, for as long as the block lasts."""
    receiver = Receiver()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


def verify(received: Received, secret: str, encoding: str = "base64") -> None:
    """Check both signatures, each as its readers do: by the library of the standard, and by a plain HMAC."""
    Standard(secret).verify(received.body, received.headers)
    mac = hmac.new(secret.encode(), received.body, hashlib.sha256)
    expected = mac.hexdigest() if encoding == "hex" else base64.b64encode(mac.digest()).decode()
    assert received.headers["x-truto-signature"] == f"format=sha256,v={expected}"
    assert received.headers["webhook-id"] == received.id
