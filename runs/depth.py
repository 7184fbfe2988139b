"""How deep JSON may nest. Looked at without recursion: the depth is whoever wrote it's to choose."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 100


def nests_deeper(value: Any, most: int = MAX_DEPTH) -> bool:
    """Whether the JSON value has more levels than that."""
    waiting = [(0, value)]
    while waiting:
        depth, part = waiting.pop()
        if isinstance(part, dict | list):
            if depth == most:
                return True
            waiting += [(depth + 1, item) for item in (part.values() if isinstance(part, dict) else part)]
    return False
