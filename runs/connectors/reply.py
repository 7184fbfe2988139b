"""A response, received: bounded, whatever the source sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from runs.connectors.errors import RequestFailed

MAX_BODY = 32 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """A response, read to its end. Header names are in lower case."""

    status_code: int
    reason: str
    url: str
    headers: Mapping[str, str]
    charset: str | None
    body: bytes

    @property
    def excerpt(self) -> str:
        return self.body[:MAX_ERROR_BODY].decode("utf-8", "replace")


def read_reply(response: httpx2.Response) -> Reply:
    """The response with its body, decoded and at most `MAX_BODY` long; of an error only the beginning is read.

    Raises RequestFailed for a larger one, and what httpx2 raises where the connection breaks.
    """
    body = _beginning(response) if response.is_error else _whole(response)
    return Reply(
        response.status_code,
        response.reason_phrase,
        str(response.url),
        dict(response.headers),
        response.charset_encoding,
        body,
    )


def _whole(response: httpx2.Response) -> bytes:
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:12]) > MAX_BODY:
        raise _too_large(response)
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise _too_large(response)
    return bytes(body)


def _too_large(response: httpx2.Response) -> RequestFailed:
    message = f"The page is larger than {MAX_BODY // 1024 // 1024} MB."
    return RequestFailed("too_large", message, status_code=response.status_code)


def _beginning(response: httpx2.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) >= MAX_ERROR_BODY:
            break
    return bytes(body[:MAX_ERROR_BODY])
