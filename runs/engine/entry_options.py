"""What an entry may say beyond its request: `recurse`, `delete_tracking`, and what transform and spool entries do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runs.connectors import Expression, ExpressionFailed

REQUEST, TRANSFORM, SPOOL = "request", "transform", "spool"
KINDS = (REQUEST, TRANSFORM, SPOOL)
SOFT, HARD = "soft", "hard"
_REQUEST_KEYS = ("resource", "method", "id", "query", "body", "loop_on", "recurse", "delete_tracking")
_ARGUMENT = re.compile(r"[\w\-]+(\.[\w\-]+)*")

Item = Mapping[str, Any]
Fail = Callable[[str, str], None]


@dataclass(frozen=True)
class Recurse:
    """Which records of an entry lead to a further request of it, and with which id and query."""

    condition: Expression
    id: str | None
    query: Mapping[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """What may hold placeholders."""
        return {"id": self.id, "query": self.query}


def parsed_recurse(value: Any, fail: Fail) -> Recurse | None:
    """The entry's `recurse`, or None after its faults were told."""
    if not isinstance(value, Mapping):
        fail("recurse", "must be an object: {if, config: {id, query}}.")
        return None
    condition = parsed_expression(value, "if", "recurse.if", fail)
    config = value.get("config")
    if not isinstance(config, Mapping) or (config.get("id") is None and config.get("query") is None):
        fail("recurse.config", "must be an object with an id, a query or both: how the next request differs.")
        return None
    given, query = config.get("id"), config.get("query")
    if not is_id(given):
        fail("recurse.config.id", "must be a text or a number.")
    if not isinstance(query, Mapping | None):
        fail("recurse.config.query", "must be an object.")
        return None
    return None if condition is None else Recurse(condition, None if given is None else str(given), query or {})


def parsed_expression(values: Mapping[str, Any], key: str, path: str, fail: Fail) -> Expression | None:
    """The JSONata at the key, or None after its fault was told."""
    text = values.get(key)
    if not isinstance(text, str) or not text.strip():
        fail(path, "is required, as a JSONata expression.")
        return None
    try:
        return Expression(text)
    except ExpressionFailed as error:
        fail(path, f"is no JSONata expression: {error}")
        return None


def check_derived(item: Item, fail: Fail) -> Expression | None:
    """Tell the faults of a transform or spool entry. Returns the transform's expression."""
    if item.get("depends_on") is None:
        fail("depends_on", f"is required by a {item['type']}: the entry whose records it takes.")
    for key in _REQUEST_KEYS:
        if item.get(key) is not None:
            fail(key, f"does not belong into a {item['type']} entry, which makes no request.")
    config = item.get("config")
    if not isinstance(config, Mapping | None):
        fail("config", "must be an object.")
        return None
    return parsed_expression(config or {}, "expression", "config.expression", fail) if is_transform(item) else None


def is_transform(item: Item) -> bool:
    return item.get("type") == TRANSFORM


def is_id(value: Any) -> bool:
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def loop_path(value: Any) -> str | None:
    """The path within the arguments that an entry loops on, or None where no argument is named.

    Takes all spellings, also the seed page's object, to which an unquoted YAML placeholder decays. A path into a
    parent's records is none: how many requests there are has to be known from the arguments.
    """
    if isinstance(value, Mapping) and len(value) == 1:
        value = next(iter(value))
    if not isinstance(value, str):
        return None
    path = value.strip("{} ")
    named = path.startswith("args.")
    path = path.removeprefix("args.")
    if not _ARGUMENT.fullmatch(path) or (path.startswith("resources.") and not named):
        return None
    return path
