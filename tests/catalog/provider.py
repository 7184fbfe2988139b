"""What the providers of the tests have in common: a real socket, a credential, and one moment of limits."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from werkzeug import Request, Response

Records = list[dict[str, Any]]
LONG_WAIT = 90  # seconds: longer than a request waits by itself, so a run parks


@dataclass(frozen=True)
class Asked:
    """One request that was answered."""

    verb: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class Provider:
    """A provider's API, as its public reference describes it. `routes` are `VERB /path/{key}` and the method to call
    with the request and the keys; a path that is not there is a 404, as any mistake in a path must be.

    `limit_request` is the number of the request that is told to come back later, once.
    """

    name: ClassVar[str]
    context: ClassVar[dict[str, Any]]
    wrong_context: ClassVar[dict[str, Any]]
    routes: ClassVar[dict[str, str]]

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.limit_request: int | None = None
        self._lock = threading.Lock()

    def is_let_in(self, request: Request) -> bool:
        raise NotImplementedError

    def refusal(self) -> Response:
        """The answer to a wrong credential."""
        raise NotImplementedError

    def limit(self) -> Response:
        """The answer to too many requests."""
        raise NotImplementedError

    def answer(self, request: Request) -> Response:
        with self._lock:
            query = {key: request.args.getlist(key) for key in request.args}
            body = request.get_json(silent=True)
            self.asked.append(Asked(request.method, raw_path(request), query, dict(request.headers), body))
            number = len(self.asked)
        if not self.is_let_in(request):
            return self.refusal()
        if number == self.limit_request:
            return self.limit()
        return self._routed(request)

    def _routed(self, request: Request) -> Response:
        for route, method in self.routes.items():
            verb, _, pattern = route.partition(" ")
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), raw_path(request))
            if found and verb == request.method:
                handler: Callable[..., Response] = getattr(self, method)
                return handler(request, **found.groupdict())
        return json_response({"message": "Not Found"}, 404)

    def requests(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]


def raw_path(request: Request) -> str:
    """The path as it came: what was quoted in it still is."""
    return str(request.environ["RAW_URI"]).partition("?")[0]


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(value), status, headers, mimetype="application/json")


def sliced(records: Records, start: int, size: int) -> tuple[Records, bool]:
    """The records from `start` on, and whether there are more behind them."""
    return records[start : start + size], start + size < len(records)


P = TypeVar("P", bound=Provider)
