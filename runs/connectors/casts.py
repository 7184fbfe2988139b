"""Casts of placeholder values, and values as text, both as JavaScript has them.

The rules are those of Truto's placeholder library (trutohq/replace-placeholders, `replace.ts`), which jobs and
integrations are written for; contract 3.4 sums them up.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

_LEADING_INT = re.compile(r"[+-]?\d+", re.ASCII)
_LEADING_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WIDEST_PLAIN = 1e21  # from here on JavaScript writes an exponent
_NARROWEST_PLAIN = 1e-6


def cast(value: Any, name: str) -> Any:
    """The value as the named type. A cast that does not fit leaves the value, less white space around a text."""
    if value is None or name == "str":
        return None if value is None else as_text(value)
    value = value.strip() if isinstance(value, str) else value
    return _CASTS[name](value)


def as_text(value: Any) -> str:
    """The value as JavaScript's String() gives it, save that integers keep all their digits."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None else as_text(item) for item in value)
    return "[object Object]"


def _number_text(number: float) -> str:
    if isinstance(number, int):
        return f"{Decimal(number):f}"  # str() refuses over 4,300 digits
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) < _WIDEST_PLAIN:
        return str(int(number))
    if _NARROWEST_PLAIN <= abs(number) < _WIDEST_PLAIN:
        return f"{Decimal(repr(number)):f}"
    return re.sub(r"e([+-])0*", r"e\1", repr(number))


def _as_int(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    found = _LEADING_INT.match(value) if isinstance(value, str) else None
    return _parsed(int, found[0], value) if found else value


def _as_num(value: Any) -> Any:
    found = _LEADING_NUMBER.match(value) if isinstance(value, str) else None
    number = _parsed(float, found[0], value) if found else value
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _parsed(parse: Callable[[str], Any], text: str, value: Any) -> Any:
    try:
        return parse(text)
    except ValueError:  # Python reads no integers of over 4,300 digits
        return value


def _as_bool(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _as_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON.")


def _as_null(value: Any) -> Any:
    return None if value == "null" else value


def _as_it_is(value: Any) -> Any:
    return value


_CASTS: Mapping[str, Callable[[Any], Any]] = {
    "int": _as_int,
    "num": _as_num,
    "bool": _as_bool,
    "json": _as_json,
    "null": _as_null,
    "any": _as_it_is,
    "undefined": _as_it_is,
    "ignore-empty-str": _as_it_is,
}
TYPES = ("str", *_CASTS)
