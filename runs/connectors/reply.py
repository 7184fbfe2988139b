"""A response, received: bounded, whatever the source sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpx2
import orjson

from runs.connectors.errors import RequestFailed

MAX_BODY = 32 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024
NOT_STRICT: Final = object()
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))  # every digit as 0, all else as a space
_TOO_MANY_DIGITS = b"0" * 20
_BEFORE_A_NUMBER = b" \t\r\n[:,"


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

    @cached_property
    def strictly(self) -> Any:
        """The body as the JSON that RFC 8259 has, in UTF-8; NOT_STRICT if it is anything else.

        orjson reads it some three times as fast as the standard library, which has to be asked otherwise.
        """
        if (self.charset or "utf-8").lower() != "utf-8" or _has_large_integer(self.body):
            return NOT_STRICT
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return NOT_STRICT

    @property
    def is_plain(self) -> bool:
        """Whether every value in the body can be stored as it is: no number beyond JSON, no NUL."""
        return self.strictly is not NOT_STRICT and b"\\u0000" not in self.body


def _has_large_integer(body: bytes) -> bool:
    """Whether there may be one beyond 64 bits, which orjson would round. True for a text that looks like one, too."""
    digits = body.translate(_DIGITS)
    at = digits.find(_TOO_MANY_DIGITS)
    while at >= 0:
        before = body[max(0, at - 2) : at].rstrip(b"-")[-1:]
        if before in _BEFORE_A_NUMBER:  # nothing at all is in it, too
            return True
        at = digits.find(_TOO_MANY_DIGITS, at + len(_TOO_MANY_DIGITS))
    return False


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
