"""`field=value` and `field[op]=value` as conditions on rows.

Each list has its own allow-list of fields, so no name of the ORM is ever taken from a query. Times compare as the
wire shows them, in milliseconds: `updated_at[gt]` with the last value seen does not answer the same row again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict

from runs.errors import Failure, InvalidInput

OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in")
MAX_VALUES = 1000
MAX_LIMIT = 1000
_BIGGEST = 2**63 - 1
_MILLISECOND = timedelta(milliseconds=1)
_LONGEST = timedelta(days=3652)
_AMOUNT = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_DURATION = re.compile(rf"(?:{_AMOUNT}d)?(?:{_AMOUNT}h)?(?:{_AMOUNT}m)?(?:{_AMOUNT}s?)?")
_PARAMETER = re.compile(r"(?P<name>[\w.]+)(?P<keys>(?:\[[^\[\]]*\])*)")
_UNESCAPED_PLUS = re.compile(r"(?<=:\d\d) (?=\d\d:?\d\d$)|(?<=\.\d{3}) (?=\d\d:?\d\d$)")


def parse_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    return text


def parse_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("must be a UUID") from None


def parse_integer(text: str) -> int:
    """A whole number that the database can compare with."""
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or abs(int(text)) > _BIGGEST:
        raise ValueError("must be a whole number")
    return int(text)


def parse_limit(text: str) -> int:
    """How many rows a page has, clamped to what is allowed. Raises InvalidInput."""
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise InvalidInput([Failure("limit", "must be a whole number")])
    return min(max(int(text[:20]), 1), MAX_LIMIT)


def parse_boolean(text: str) -> bool:
    """`True` and `False` are what a Python client sends that does not know better."""
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def parse_time(text: str, zone: tzinfo = UTC) -> datetime:
    """A time from ISO 8601; a date alone is its midnight, and without a zone it is one of `zone`.

    A `+` that a client forgot to escape arrives as a space, and is read as what it was.
    """
    try:
        time = datetime.fromisoformat(_UNESCAPED_PLUS.sub("+", text.strip()))
    except ValueError:
        raise ValueError("must be a date or a time in ISO 8601") from None
    if not 1900 <= time.year <= 9000:
        raise ValueError("must be a time between the years 1900 and 9000")
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)


def parse_duration(text: str) -> timedelta:
    """`90s`, `15m`, `2h`, `1d`, `1h30m`; a number alone is seconds."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise ValueError("must be a duration such as 90s, 15m, 2h or 1d")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if found > _LONGEST:
        raise ValueError("must be a duration of at most ten years")
    return found


@dataclass(frozen=True)
class Choice:
    """A parser that takes these values only, and names them otherwise."""

    choices: tuple[str, ...]

    def __call__(self, text: str) -> str:
        if text not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return text


def parse_choice(choices: Iterable[str]) -> Choice:
    return Choice(tuple(choices))


@dataclass(frozen=True)
class Field:
    """A field that a list can be filtered by: where it is in the ORM, how its values are read, and what it means.

    `told` is for those that do not stand among the fields of an answer.
    """

    path: str
    parse: Callable[[str], Any] = parse_text
    told: str = ""

    def among(self, values: list[Any]) -> Q:
        return Q(**{f"{self.path}__in": values})

    def compared(self, operator: str, value: Any) -> Q:
        """`operator` is one of gt, gte, lt, lte."""
        return Q(**{f"{self.path}__{operator}": value})


@dataclass(frozen=True)
class TimeField(Field):
    """A time: equal when the wire shows it equal, which is a window of one millisecond."""

    parse: Callable[[str], Any] = parse_time

    def among(self, values: list[Any]) -> Q:
        return reduce(or_, [self.compared("gte", value) & self.compared("lte", value) for value in values])

    def compared(self, operator: str, value: Any) -> Q:
        start = value.replace(microsecond=value.microsecond // 1000 * 1000)
        edge = start if operator in ("gte", "lt") else start + _MILLISECOND
        return Q(**{f"{self.path}__{'gte' if operator.startswith('g') else 'lt'}": edge})


def where(params: QueryDict, fields: Mapping[str, Field]) -> Q:
    """The condition that the query's parameters state about these fields; other parameters are not looked at.

    Raises InvalidInput with every bad value, and with every operator that a known field does not have.
    """
    condition, failures = Q(), []
    for (name, operator), values in _grouped(params, fields).items():
        try:
            condition &= _stated(fields[name], operator, values)
        except ValueError as error:
            failures.append(Failure(name if operator == "eq" else f"{name}[{operator}]", str(error)))
    if failures:
        raise InvalidInput(failures)
    return condition


def _grouped(params: QueryDict, fields: Mapping[str, Field]) -> dict[tuple[str, str], list[str]]:
    """The values by field and operator. `a=1&a=2`, `a[]=1&a[]=2` and `a[0]=1&a[1]=2` are the same."""
    groups: dict[tuple[str, str], list[str]] = {}
    for parameter, values in params.lists():
        match = _PARAMETER.fullmatch(parameter)
        if match is None:
            continue
        name, keys = match["name"], re.findall(r"\[(.*?)\]", match["keys"])
        if keys and f"{name}.{keys[0]}" in fields:
            name = f"{name}.{keys.pop(0)}"
        if name in fields:
            groups.setdefault((name, _operator(keys)), []).extend(values)
    return groups


def _operator(keys: list[str]) -> str:
    """`[op]`, `[op][]` or `[]`: the operator, with or without the mark of an array."""
    named = keys[:-1] if keys and (keys[-1] == "" or keys[-1].isdigit()) else keys
    return "][".join(named) or "eq"


def _stated(field: Field, operator: str, texts: list[str]) -> Q:
    if operator not in OPERATORS:
        raise ValueError(f"has no operator '{operator}'; there are {', '.join(OPERATORS)}")
    if operator == "in":
        texts = [part.strip() for text in texts for part in text.split(",")]
    if len(texts) > MAX_VALUES:
        raise ValueError(f"takes at most {MAX_VALUES} values")
    values = [field.parse(text) for text in texts]
    if operator in ("eq", "in"):
        return field.among(values)
    if operator == "ne":
        return ~field.among(values)
    if len(values) > 1:
        raise ValueError("takes one value")
    return field.compared(operator, values[0])
