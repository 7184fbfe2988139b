"""The query of a list's address: read by a parser per parameter, and written again with some of them changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import QueryDict


def read_parameters(
    params: QueryDict, parsers: Mapping[str, Callable[[str], Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of these parameters by name, without empty ones; and of those that cannot be read, what is wrong."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, parse in parsers.items():
        text = params.get(name, "").strip()
        try:
            value = parse(text) if text else None
        except ValueError as error:
            errors[name] = f"{text[:100]!r} {error}"
            continue
        if value:
            values[name] = value
    return values, errors


def changed_query(params: QueryDict, changes: Mapping[str, Any]) -> str:
    """The query with these parameters changed: a list repeats one, None removes it."""
    changed = params.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed.setlist(name, [str(item) for item in value] if isinstance(value, list) else [str(value)])
    return changed.urlencode()
