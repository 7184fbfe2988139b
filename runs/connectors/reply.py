"""A response, received: bounded, whatever the source sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import httpcore2
import httpx2
import orjson

from runs.connectors.errors import RequestFailed

MAX_ERROR_BODY = 64 * 1024
NOT_STRICT: Final = object()
# What large numbers are found by: any digit as 0, and what may stand before a number as a comma. Signs are left out.
_SHAPES = bytes.maketrans(b"123456789E \t\r\n[:", b"000000000e,,,,,,")
_SIGNS = b"+-"
_LARGE_INTEGER, _LARGE_EXPONENT = b"0" * 20, b"0e000"
_LONGEST_LEAD = 40


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
        if self._is_odd:
            return NOT_STRICT
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return NOT_STRICT

    @property
    def is_plain(self) -> bool:
        """Whether every value in the body can be stored as it is: no number beyond JSON, no NUL."""
        return self.strictly is not NOT_STRICT and b"\\u0000" not in self.body

    @property
    def is_plain_text(self) -> bool:
        """The same of a body that is not parsed, as far as a parser does not see it: it is JSON or not."""
        return not self._is_odd and b"\\u0000" not in self.body and _is_utf8(self.body)

    @cached_property
    def _is_odd(self) -> bool:
        """Whether it is not in UTF-8, or may hold numbers that most cannot read."""
        return (self.charset or "utf-8").lower() != "utf-8" or _has_large_number(self.body)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_large_number(body: bytes) -> bool:
    """Whether there may be an integer beyond 64 bits, which orjson would round, or an exponent of three digits.

    True for a text that looks like one, too.
    """
    shapes = body.translate(_SHAPES, _SIGNS)
    return _stands_alone(shapes, _LARGE_INTEGER, b"") or _stands_alone(shapes, _LARGE_EXPONENT, b"0.")


def _stands_alone(shapes: bytes, shape: bytes, lead: bytes) -> bool:
    """Whether the shape is found where a number begins, or behind these parts of one."""
    at = shapes.find(shape)
    while at >= 0:
        before = shapes[max(0, at - _LONGEST_LEAD) : at].rstrip(lead)[-1:]
        if before in b",":  # nothing at all is in it, too
            return True
        at = shapes.find(shape, at + len(shape))
    return False


def read_reply(response: httpcore2.Response, url: str, most: int) -> Reply:
    """The response with its body, decoded and at most so many bytes long; of an error only the beginning is read.

    Raises RequestFailed for a larger one, what httpcore2 raises where the connection breaks, and httpx2 where the body
    can't be decoded.
    """
    headers = dict(httpx2.Headers(response.headers))
    body = _beginning(response, headers) if response.status >= 400 else _whole(response, headers, most)
    return Reply(
        response.status,
        response.extensions["reason_phrase"].decode("ascii", "ignore"),
        url,
        headers,
        _charset(headers.get("content-type", "")),
        body,
    )


@lru_cache(maxsize=16)
def _charset(content_type: str) -> str | None:
    return httpx2.Response(200, headers=[(b"Content-Type", content_type.encode())]).charset_encoding


def _whole(response: httpcore2.Response, headers: Mapping[str, str], most: int) -> bytes:
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared[:12]) > most:
        raise _too_large(response.status, most)
    body = bytearray()
    for chunk in _decoded(response, headers):
        body += chunk
        if len(body) > most:
            raise _too_large(response.status, most)
    return bytes(body)


def _too_large(status: int, most: int) -> RequestFailed:
    message = f"The page is larger than {most:,} bytes."
    return RequestFailed("too_large", message, status_code=status)


def _beginning(response: httpcore2.Response, headers: Mapping[str, str]) -> bytes:
    body = bytearray()
    for chunk in _decoded(response, headers):
        body += chunk
        if len(body) >= MAX_ERROR_BODY:
            break
    return bytes(body[:MAX_ERROR_BODY])


def _decoded(response: httpcore2.Response, headers: Mapping[str, str]) -> Iterator[bytes]:
    chunks = response.iter_stream()
    if "content-encoding" not in headers:
        return chunks
    return httpx2.Response(response.status, headers=response.headers, content=chunks).iter_bytes()
