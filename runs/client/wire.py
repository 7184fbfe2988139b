"""Sends a request to Syncdeck until it is answered, and reads the answer.

The token goes to the given address alone: no redirect is followed, and no address that an answer names is asked.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import httpx2
import msgspec

from runs.client.address import checked_address, checked_token, path_of
from runs.client.errors import NoAnswer, NotFound, Refused, UnreadableAnswer, refusal
from runs.client.retries import Patience, retry_after
from runs.version import VERSION

T = TypeVar("T")
Query = Sequence[tuple[str, str]]

MOST_BYTES = 512 * 1024 * 1024  # a page of the largest records that there can be; a safeguard, no measure
LONGEST_ANSWER = 600.0  # seconds, however it drips
MOST_TOLD = 200


class Wire:
    """The connections to one Syncdeck. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout: float,
        patience: Patience,
        transport: httpx2.BaseTransport | None,
        pause: Callable[[float], None],
    ) -> None:
        self.base_url = checked_address(base_url)
        self._patience = patience
        self.pause = pause
        self._http = httpx2.Client(
            headers={
                "Authorization": f"Bearer {checked_token(token)}",
                "Accept": "application/json",
                "User-Agent": f"syncdeck/{VERSION}",
            },
            timeout=timeout,
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Wire({self.base_url!r})"

    def ask(self, kind: type[T], method: str, *path: object, query: Query = (), body: Any = None) -> T:
        """The answer as an object of this kind. Raises what stands in `runs.client.errors`."""
        return _read(kind, self._answer(method, path_of(*path), query, body))

    def remove(self, *path: object) -> None:
        """Raises NotFound; not where an earlier try of this call, whose answer was lost, may have removed it."""
        self._answer("DELETE", path_of(*path), (), None)

    def _answer(self, method: str, path: str, query: Query, body: Any) -> bytes:
        """The body of the first answer that stands, after as many tries as patience allows."""
        request = self._request(method, path, query, body)
        number = 1
        while True:
            try:
                return self._once(request)
            except (Refused, NoAnswer) as error:
                if method == "DELETE" and number > 1 and isinstance(error, NotFound):
                    return b""
                wait = self._patience.wait_after(number, error)
                if wait is None:
                    raise
            self.pause(wait)
            number += 1

    def _request(self, method: str, path: str, query: Query, body: Any) -> httpx2.Request:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        content = None
        if body is not None:
            content = json.dumps(body, default=_plain, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        url = httpx2.URL(self.base_url + path, params=list(query)) if query else self.base_url + path
        return self._http.build_request(method, url, headers=headers, content=content)

    def _once(self, request: httpx2.Request) -> bytes:
        try:
            response = self._http.send(request, stream=True)
            try:
                content = _content(response)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoAnswer(f"{self.base_url} does not answer: {_in_words(error)}") from None
        if response.is_success:
            return content
        if response.has_redirect_location:
            raise UnreadableAnswer(
                f"{self.base_url} leads elsewhere ({_where(response)}): give the address that is meant."
            )
        raise refusal(response.status_code, _json_or_none(content), retry_after(response.headers.get("Retry-After")))


def _content(response: httpx2.Response) -> bytes:
    """All of it, within bounds. Raises UnreadableAnswer."""
    parts, size, until = [], 0, time.monotonic() + LONGEST_ANSWER
    for part in response.iter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise UnreadableAnswer(f"The answer is larger than {MOST_BYTES:,} bytes.")
        if time.monotonic() > until:
            raise UnreadableAnswer(f"The answer took longer than {LONGEST_ANSWER:.0f} s.")
        parts.append(part)
    return b"".join(parts)


def _read(kind: type[T], content: bytes) -> T:
    """The answer as an object; what does not fit is told by its path, without a value."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UnreadableAnswer(f"The answer is none of Syncdeck's API: {str(error)[:MOST_TOLD]}.") from None


def _json_or_none(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _plain(value: Any) -> str:
    """Ids and times of a body as texts."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def _in_words(error: Exception) -> str:
    """Without the request, whose headers have the token."""
    return f"{str(error) or type(error).__name__}"[:MOST_TOLD].rstrip(".") + "."


def _where(response: httpx2.Response) -> str:
    """Where to, without its user and query."""
    try:
        to = response.url.join(response.headers["Location"])
    except httpx2.InvalidURL:
        return "to what is no address"
    return str(to.copy_with(userinfo=b"", query=None, fragment=None))[:MOST_TOLD]
