"""Lists by POST, whose paging goes into the body: search endpoints, GraphQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runs.connectors.pagination.protocol import Cursor, PageView, Pagination, Parts


@dataclass(frozen=True)
class InBody(Pagination):
    """Another pagination, whose parameters are laid over the body. Dots in their names lead into it: the parameter
    `variables.after` is `{"variables": {"after": ...}}`."""

    inner: Pagination

    @property
    def is_numbered(self) -> bool:
        return self.inner.is_numbered

    def parts(self, asked: Parts, cursor: Cursor | None) -> Parts:
        parts = self.inner.parts(_seen_by_inner(asked), cursor)
        return replace(parts, query={}, body=laid_over(_nested(parts.query), parts.body))

    def following(self, page: PageView, cursor: Cursor | None) -> Cursor | None:
        return self.inner.following(replace(page, asked=_seen_by_inner(page.asked)), cursor)

    def reads_records(self, records_path: str | None) -> bool:
        return self.inner.reads_records(records_path)

    def ahead(self, page: PageView, cursor: Cursor | None) -> list[Cursor]:
        return self.inner.ahead(replace(page, asked=_seen_by_inner(page.asked)), cursor)

    def is_end(self, status_code: int, headers: Mapping[str, str], cursor: Cursor | None) -> bool:
        return self.inner.is_end(status_code, headers, cursor)


def laid_over(body: Any, over: Any) -> Any:
    """The body with another laid over it: objects are merged at any depth, anything else is replaced."""
    if over is None:
        return body
    if not isinstance(body, Mapping) or not isinstance(over, Mapping):
        return over
    return {**body, **{key: laid_over(body.get(key), value) for key, value in over.items()}}


def _seen_by_inner(asked: Parts) -> Parts:
    return replace(asked, query=dict(_flat(asked.body, "")))


def _flat(body: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(body, Mapping):
        for key, value in body.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, body


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, last = path.split(".")
        inner = nested
        for key in parents:
            child = inner.get(key)
            inner[key] = inner = child if isinstance(child, dict) else {}
        inner[last] = value
    return nested
