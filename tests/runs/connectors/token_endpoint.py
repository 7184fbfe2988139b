"""A source with a token endpoint: it counts the tokens it gave, and knows which of them it still takes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from runs.connectors.tokens import Token

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "client:1", "hush+hush", "refresh-0"


@dataclass
class TokenSource:
    """`/token` gives tokens by either grant; everything else takes only those of `valid`.

    With `rotates`, a refresh token serves once and the answer brings the next. `takes`: where the client's
    credentials may stand. `before` may answer a token request in its stead.
    """

    url: str
    expires_in: Any = 3600
    rotates: bool = False
    takes: str = "header"
    before: Callable[[Request], Response | None] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=lambda: {REFRESH_TOKEN})
    given: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Response:
        return self._token(request) if request.path == "/token" else self._things(request)

    def accepts(self, request: Request) -> bool:
        """Whether the request shows a token that is still taken."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.shown.append(token)
            return token in self.valid

    def revoke(self) -> None:
        """No token given so far is taken any more."""
        self.valid.clear()

    def _token(self, request: Request) -> Response:
        self.asked.append(request.form.to_dict())
        instead = self.before(request) if self.before else None
        if instead is not None:
            return instead
        if self._client_of(request) != (CLIENT_ID, CLIENT_SECRET):
            return _json({"error": "invalid_client"}, 401)
        if request.form["grant_type"] == "refresh_token" and request.form["refresh_token"] not in self.refresh_tokens:
            return _json(
                {"error": "invalid_grant", "error_description": f"{request.form['refresh_token']} is gone"}, 400
            )
        return _json(self._grant(), 200)

    def _client_of(self, request: Request) -> tuple[str, str] | None:
        if self.takes == "body":
            return request.form.get("client_id", ""), request.form.get("client_secret", "")
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(pair).decode().partition(":")
        return (unquote_plus(user), unquote_plus(password)) if scheme == "Basic" else None

    def _grant(self) -> dict[str, Any]:
        with self._lock:
            self.given += 1
            token = f"access-{self.given}"
            self.valid.add(token)
            grant = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
            if self.rotates:
                self.refresh_tokens = {f"refresh-{self.given}"}
                grant["refresh_token"] = f"refresh-{self.given}"
        return grant

    def _things(self, request: Request) -> Response:
        return _json({"data": [{"id": 1}]}, 200) if self.accepts(request) else Response("who are you?", 401)


class KeptInMemory:
    """A token store for the clients of one process."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self._lock = threading.Lock()

    def load(self) -> Token | None:
        return self.token

    def renew(self, ask: Callable[[Token | None], Token]) -> Token | None:
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self.token = ask(self.token)
            return self.token
        finally:
            self._lock.release()


@contextmanager
def serving_tokens(server: HTTPServer, **over: Any) -> Iterator[TokenSource]:
    source = TokenSource(server.url_for("").rstrip("/"), **over)
    server.expect_request("/token", method="POST").respond_with_handler(source.answer)
    server.expect_request("/things").respond_with_handler(source.answer)
    yield source


def authorization(url: str, **over: Any) -> dict[str, Any]:
    """By client credentials, unless told otherwise."""
    config = {
        "grant": "client_credentials",
        "token_url": f"{url}/token",
        "client_id": "{{context.client_id}}",
        "client_secret": "{{context.client_secret}}",
        **over,
    }
    return {"format": "oauth2", "config": config}


def refreshing(url: str, **over: Any) -> dict[str, Any]:
    return authorization(url, grant="refresh_token", refresh_token="{{context.refresh_token}}", **over)


def context(**over: Any) -> dict[str, Any]:
    return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN, **over}


def _json(body: Any, status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
