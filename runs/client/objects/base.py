"""What all objects of the API share, and the smallest of them."""

from __future__ import annotations

import msgspec


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer holds. Times are in UTC."""


class Ping(Object, frozen=True):
    ping: str


class Success(Object, frozen=True):
    success: bool
