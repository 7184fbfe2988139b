"""One canonical form of a JSON value, for hashes that must not depend on the order of keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson


def canonical(value: Any) -> bytes:
    """The value as JSON with sorted keys and no white space.

    Raises ValueError for lone surrogates; NaN and the infinities become null. orjson is some nine times faster than
    the standard library, but stops at integers of 64 bits.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any) -> str:
    """The SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()
