"""Dotted paths into JSON values: `data.items.0.id`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MISSING: Final = object()
_MAX_INDEX_DIGITS = 9
_OBJECTS = (dict, Mapping)  # to ask an abstract class alone takes ten times as long


def lookup(tree: Any, path: str) -> Any:
    """The value at the path, or MISSING. Keys of objects and indexes of lists only; attributes are never read.

    A key that holds dots itself (`@odata.nextLink`) is found where it ends the path, and before one reached by steps.
    """
    rest = path
    while True:
        if isinstance(tree, _OBJECTS) and rest in tree:
            return tree[rest]
        key, dot, rest = rest.partition(".")
        tree = _step(tree, key)
        if tree is MISSING or not dot:
            return tree


def leads_into(path: str | None, other: str | None) -> bool:
    """Whether the path may lead to what is at the other, or below it; None as the other is the whole tree."""
    return path is not None and (other is None or f"{path}.".startswith(f"{other}."))


def _step(tree: Any, key: str) -> Any:
    if isinstance(tree, _OBJECTS):
        return tree.get(key, MISSING)
    if isinstance(tree, list) and key.isascii() and key.isdigit() and len(key) <= _MAX_INDEX_DIGITS:
        index = int(key)
        return tree[index] if index < len(tree) else MISSING
    return MISSING
