"""What differs between two JSON values, place by place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

_DEEPEST = 20


class _Absent:
    """Stands where one of the two has nothing."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True)
class Difference:
    """At this dotted path one value has `before` and the other `after`; `ABSENT` where it has nothing."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "", depth: int = 0) -> Iterator[Difference]:
    """In the order of the paths' first appearance. Lists are compared item by item."""
    pair = _as_dicts(before, after) if depth < _DEEPEST else None
    if pair is not None:
        for key in dict.fromkeys(chain(*pair)):
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(pair[0].get(key, ABSENT), pair[1].get(key, ABSENT), inner, depth + 1)
    elif type(before) is not type(after) or before != after:
        yield Difference(path, before, after)


def _as_dicts(before: Any, after: Any) -> tuple[dict[Any, Any], dict[Any, Any]] | None:
    """Both as what can be compared place by place; None if they are of different kinds, or plain."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before, after
    if isinstance(before, list) and isinstance(after, list):
        return dict(enumerate(before)), dict(enumerate(after))
    return None
