"""A caller's query string, on its way through to a source or into a mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from runs.errors import Failure, InvalidInput

MAX_KEYS = 10
Params = Mapping[str, Sequence[str]]
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")


def as_sent(params: Params) -> dict[str, Any]:
    """The parameters under the very names that they came with: `a[b]=1` goes to the source as `a[b]=1`."""
    return {name: values[0] if len(values) == 1 else list(values) for name, values in params.items()}


def nested(params: Params) -> dict[str, Any]:
    """The parameters as a mapping reads them: `a[b]=1` is an object, `a[]=1`, `a[0]=1` and `a=1&a=2` are lists.

    Raises InvalidInput for names that nest too deeply, or contradict each other.
    """
    tree: dict[str, Any] = {}
    for name, values in params.items():
        keys, value = _keys(name), as_sent({name: values})[name]
        if keys[-1] == "":
            keys, value = keys[:-1], list(values)
        at = tree
        for key in keys[:-1]:
            at = at.setdefault(key, {})
            if not isinstance(at, dict):
                raise InvalidInput([Failure(name, "stands beside a plain value of the same name.")])
        if keys[-1] in at:
            raise InvalidInput([Failure(name, "is given twice, in two spellings.")])
        at[keys[-1]] = value
    return {key: _with_lists(value) for key, value in tree.items()}


def _keys(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    keys = [match[1], *re.findall(r"\[(.*?)\]", match[2])] if match else [name]
    if len(keys) > MAX_KEYS:
        raise InvalidInput([Failure(keys[0], f"must not be nested deeper than {MAX_KEYS} levels.")])
    return keys


def _with_lists(value: Any) -> Any:
    """Objects whose keys are all numbers are lists."""
    if not isinstance(value, dict):
        return value
    items = {key: _with_lists(item) for key, item in value.items()}
    if all(key.isascii() and key.isdigit() for key in items):
        return [items[key] for key in sorted(items, key=lambda key: (len(key), key))]
    return items
