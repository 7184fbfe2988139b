"""Lists that go on as two JSONata expressions say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from runs.connectors.address_guard import joined
from runs.connectors.casts import as_text
from runs.connectors.errors import RequestFailed
from runs.connectors.expressions import Expression, evaluated
from runs.connectors.faults import Section
from runs.connectors.pagination.protocol import Cursor, PageView, Pagination, Parts

_KINDS: Mapping[str, type] = {"query": Mapping, "headers": Mapping, "body": Mapping, "url": str}


@dataclass(frozen=True)
class Dynamic(Pagination):
    """`initial_expression` gives the values of the first page, `next_expression` those of the next one; null ends.

    The values are an object of parameters: `{"after": response.next}`. If all its keys are among `query`, `headers` and
    `body` (objects, laid over the request's) and `url` (a link within the origin, followed unchanged), it is those
    parts of the request instead.

    In scope of both: `query` and `url` of the request. Of the second besides: `response` (also `body`), `headers`
    (names in lower case), `status`, `records`, and `cursor`, the values before.
    """

    initial: Expression | None
    next: Expression | None  # None in a config that is refused
    is_numbered = True

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(
            config.expression("initial_expression", "get_initial_pagination_values_expression"),
            config.expression("next_expression", "get_pagination_values_expression", required=True),
        )

    def reads_records(self, records_path: str | None) -> bool:
        return True

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        return _parts(cursor["values"] if cursor else self._initial(asked), asked.url or "")

    def _initial(self, asked: Parts) -> dict[str, Any]:
        if self.initial is None:
            return {}
        roots = {"query": asked.query, "url": asked.url}
        return _object(evaluated(self.initial, roots, "initial_expression") or {}, "initial_expression")

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        roots = {
            "query": page.asked.query,
            "url": page.url,
            "response": page.body,
            "body": page.body,
            "headers": page.headers,
            "status": page.status_code,
            "records": page.records,
            "cursor": page.asked.values,
            "paginationValues": page.asked.values,  # Truto's name
        }
        values = None if self.next is None else evaluated(self.next, roots, "next_expression")
        return None if values is None else {"values": _object(values, "next_expression")}


def _object(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestFailed("wrong_shape", f"{key} gives no object, and no null either.")
    return value


def _parts(values: Mapping[str, Any], base_url: str) -> Parts:
    if not all(key in _KINDS and isinstance(value, _KINDS[key] | None) for key, value in values.items()):
        return Parts(values, values=values)
    link = values.get("url")
    return Parts(
        query=values.get("query") or {},
        headers={name: _header(name, value) for name, value in (values.get("headers") or {}).items()},
        body=values.get("body"),
        url=None if link is None else joined(base_url, link),
        values=values,
    )


def _header(name: str, value: Any) -> str:
    if isinstance(value, Mapping | list) or value is None:
        raise RequestFailed("bad_header", f"The value of the header {name[:100]!r} is neither a text nor a number.")
    return as_text(value)
