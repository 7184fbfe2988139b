"""What no database of ours can hold, wherever it is in a JSON value.

PostgreSQL refuses NUL and lone surrogates in text and has no infinities in JSON
(https://www.postgresql.org/docs/current/datatype-json.html); values without end nest deeper than any reader goes.
"""

from __future__ import annotations

import math
import re
from typing import Any

from runs.depth import MAX_DEPTH
from runs.errors import Failure

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storage_failures(value: Any, root: str = "") -> list[Failure]:
    """The faults of a JSON value, each with its path; `root` is the path of the value itself.

    Walked without recursion, since the depth is the client's.
    """
    failures: list[Failure] = []
    waiting: list[tuple[str, int, Any]] = [(root, 0, value)]
    while waiting:
        path, depth, part = waiting.pop()
        if isinstance(part, dict | list) and depth == MAX_DEPTH:
            return [Failure(root, f"must not be nested deeper than {MAX_DEPTH} levels")]
        message = _fault(part)
        if message:
            failures.append(Failure(path, message))
        waiting += [(f"{path}.{key}" if path else str(key), depth + 1, item) for key, item in _items(part)]
    return failures


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return [(key, item) for key, item in value.items() if not _bad(key)]
    return list(enumerate(value)) if isinstance(value, list) else []


def _fault(value: Any) -> str:
    if isinstance(value, str) and _bad(value):
        return "must not contain NUL characters or lone surrogates"
    if isinstance(value, dict) and any(_bad(key) for key in value):
        return "has a name with NUL characters or lone surrogates"
    if isinstance(value, float) and not math.isfinite(value):
        return "is too large a number"
    return ""


def _bad(text: str) -> bool:
    return _UNSTORABLE.search(text) is not None
