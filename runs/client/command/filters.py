"""Filters as they are typed: `status=failed`, `created_at[gte]=2026-01-01`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from runs.client.errors import BadRequest
from runs.client.lists import OPERATORS

_FILTER = re.compile(r"(?P<field>[a-z_.]+)(?:\[(?P<operator>\w+)\])?=(?P<value>.*)", re.ASCII | re.DOTALL)


def keywords(texts: Iterable[str], fields: frozenset[str]) -> dict[str, Any]:
    """As the client takes them; one that is repeated equals any of its values. Raises BadRequest."""
    found: dict[str, Any] = {}
    for text in texts:
        match = _FILTER.fullmatch(text)
        if match is None or match["field"] not in fields:
            known = ", ".join(sorted(fields))
            raise BadRequest(f"{text} is no filter. A filter is field=value or field[op]=value; the fields: {known}.")
        operator = match["operator"] or "eq"
        if operator not in OPERATORS:
            raise BadRequest(f"{text}: there is no operator {operator}; there are {', '.join(OPERATORS)}.")
        values = match["value"].split(",") if operator == "in" else [match["value"]]
        found.setdefault(f"{match['field'].replace('.', '__')}__{operator}", []).extend(values)
    return found
