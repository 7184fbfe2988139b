"""Unified mappings (contract 5): how one method of an API looks in the Unified API.

A mapping is JSONata, as one text or as an object whose values are texts: `{"name": "response.first & ' ' &
response.last"}`. Both become one expression.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runs.connectors.errors import ExpressionFailed, RequestFailed, SpecError
from runs.connectors.expressions import Expression
from runs.connectors.faults import Section
from runs.connectors.paths import MISSING, lookup

ID = "id"
REMOTE_DATA = "remote_data"
MAX_DEPTH = 20
LOOK_SECONDS = 0.2
_LEAVES = str | int | float | bool | None

Mappings = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""The configs of all mappings, in layers merged: by unified resource (`crm/contacts`) and method."""


@dataclass(frozen=True)
class UnmappedRecord:
    """A record for which the mapping came to nothing usable, as the source sent it, and why."""

    record: Any
    message: str


@dataclass(frozen=True)
class MethodMapping:
    """One unified method: what it calls, and how the query goes there and the records come back.

    `raw_id` is the path of a raw record's id, which is the unified record's where the mapping gives none.
    """

    resource: str
    method: str
    query_mapping: Expression | None
    response_mapping: Expression
    raw_id: str = ID

    def query(self, query: Mapping[str, Any], context: Mapping[str, Any]) -> Mapping[str, Any]:
        """The query to send, for the unified one. Raises RequestFailed where the mapping fails."""
        if self.query_mapping is None:
            return query
        try:
            return _object(self.query_mapping.evaluate({"query": query, "context": context}) or {})
        except ExpressionFailed as error:
            raise RequestFailed("mapping_failed", f"The query can't be mapped: {error}") from error

    def records(
        self,
        raw: list[Any],
        query: Mapping[str, Any],
        context: Mapping[str, Any],
        *,
        look: Callable[[], None],
    ) -> tuple[list[Any], list[UnmappedRecord]]:
        """The unified records, and the raw ones that can't be mapped. Every now and then `look` may end the work."""
        mapped: list[Any] = []
        unmapped: list[UnmappedRecord] = []
        next_look = 0.0
        for record in raw:
            if time.monotonic() >= next_look:
                look()
                next_look = time.monotonic() + LOOK_SECONDS
            try:
                mapped.append(self._record(record, query, context))
            except ExpressionFailed as error:
                unmapped.append(UnmappedRecord(record, str(error)))
        return mapped, unmapped

    def _record(self, raw: Any, query: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
        roots = {"response": raw, "query": query, "context": context}
        record = {**_object(self.response_mapping.evaluate(roots)), REMOTE_DATA: raw}
        if record.get(ID) is None:
            found = lookup(raw, self.raw_id)
            record = {**record, ID: None if found is MISSING else found}
        return record


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
        raise ExpressionFailed(f"The mapping gives {kind.get(type(value), 'a number')} where an object is expected.")
    return value


def layered(*layers: Any) -> Any:
    """The layers laid one over the other: objects are merged at every depth, everything else is replaced whole."""
    base: Any = {}
    for layer in layers:
        both_objects = isinstance(base, Mapping) and isinstance(layer, Mapping)
        base = _laid_over(base, layer) if both_objects else layer
    return base


def _laid_over(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    return {**base, **{key: layered(base[key], value) if key in base else value for key, value in layer.items()}}


def parse_mapping(config: Any, resource: str, method: str) -> MethodMapping:
    """The parsed `config` of the mapping of `crm/contacts` and a method; what it calls has by default the same names.

    Raises SpecError with every fault at its path.
    """
    if not isinstance(config, Mapping):
        raise SpecError([("", "must be an object.")])
    section = Section(config)
    query_mapping = _expression(section, "query_mapping")
    response_mapping = _expression(section, "response_mapping")
    if config.get("response_mapping") is None:
        section.fail("response_mapping", "is required: JSONata, or an object of it.")
    target = section.text("resource") or resource.rpartition("/")[2], section.text("method") or method
    if section.failures or response_mapping is None:
        raise SpecError(section.failures)
    return MethodMapping(*target, query_mapping, response_mapping)


def _expression(section: Section, key: str) -> Expression | None:
    value = section.values.get(key)
    if value is None:
        return None
    if not isinstance(value, str | Mapping):
        section.fail(key, "must be JSONata: a text, or an object whose values are such texts.")
        return None
    known = len(section.failures)
    text = value if isinstance(value, str) else _as_text(section, key, value)
    try:
        return Expression(text) if len(section.failures) == known else None
    except ExpressionFailed as error:
        section.fail(key, f"is no JSONata: {error}")
        return None


def _as_text(section: Section, path: str, value: Any, depth: int = 0) -> str:
    """The object as the text of one expression. Each of its texts has to be an expression for itself."""
    if depth > MAX_DEPTH or not isinstance(value, _LEAVES | Mapping):
        section.fail(path, f"must be a text of JSONata, a constant, or an object, at most {MAX_DEPTH} levels deep.")
    elif isinstance(value, Mapping):
        pairs = [(str(key), _as_text(section, f"{path}.{key}", item, depth + 1)) for key, item in value.items()]
        return "{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in pairs) + "}"
    elif not isinstance(value, str):
        return json.dumps(value)
    else:
        try:
            Expression(value)
        except ExpressionFailed as error:
            section.fail(path, f"is no JSONata: {error}")
        return f"({value})"
    return "null"
