"""What the OpenAPI document says of a list's query: its paging, and the fields it can be filtered by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runs.api.examples import TIME
from runs.keyset import ListOrder
from runs.lookups import MAX_LIMIT, OPERATORS, Choice, Field, parse_boolean, parse_integer, parse_time, parse_uuid

DEFAULT_LIMIT = 100

_SCHEMAS: dict[Callable[[str], Any], dict[str, Any]] = {
    parse_boolean: {"type": "boolean"},
    parse_integer: {"type": "integer", "format": "int64"},
    parse_time: {"type": "string", "format": "date-time"},
    parse_uuid: {"type": "string", "format": "uuid"},
}
_PAGING: dict[str, tuple[dict[str, Any], str]] = {
    "limit": (
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "How many rows. What is out of range is clamped.",
    ),
    "next_cursor": (
        {"type": "string"},
        "Where to go on: the `next_cursor` of the page before, with the same `order`. Empty: the first page.",
    ),
    "order": (
        {"type": "string", "enum": list(ListOrder), "default": ListOrder.NEWEST_FIRST},
        "By time of creation: `desc` begins with the newest, `asc` with the oldest.",
    ),
}
_OPERATORS = f"""Comparisons, as `field[operator]=value`; the operators are {", ".join(OPERATORS)}.

`in` takes a list with commas. A time without a zone is UTC, a date alone its midnight. Times compare in milliseconds.
A field may be repeated, also as `field[]=` and `field[0]=`, and then equals any of its values."""


def list_parameters(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The part of an operation's description that lists its parameters.

    The comparisons are one parameter, an object whose properties stand in the query each by itself (style `form`,
    exploded), since seven parameters per field would bury the fields.
    """
    paging = [_parameter(name, schema, text) for name, (schema, text) in _PAGING.items()]
    equal = [_parameter(name, _schema(field), field.told) for name, field in fields.items()]
    compared = {
        f"{name}[{operator}]": {"type": "string"} if operator == "in" else _schema(field)
        for name, field in fields.items()
        for operator in OPERATORS
    }
    comparisons = _parameter("comparisons", {"type": "object", "properties": compared}, _OPERATORS)
    form = {"style": "form", "explode": True, "example": {"created_at[gte]": TIME}}
    return {"parameters": [*paging, *equal, {**comparisons, **form}]}


def _schema(field: Field) -> dict[str, Any]:
    if isinstance(field.parse, Choice):
        return {"type": "string", "enum": list(field.parse.choices)}
    return _SCHEMAS.get(field.parse, {"type": "string"})


def _parameter(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    described = {"description": text} if text else {}
    return {"in": "query", "name": name, "required": False, "schema": schema, **described}
