"""How many records a page is asked for: told, and set by a caller who wants a page of his own size."""

from __future__ import annotations

from dataclasses import replace

from runs.connectors.pagination.ends import Limit
from runs.connectors.pagination.in_body import InBody
from runs.connectors.pagination.numbered import Offset, PageNumber
from runs.connectors.pagination.protocol import Pagination
from runs.connectors.pagination.ranges import RangeHeader
from runs.connectors.pagination.tokens import LinkHeader, TokenCursor


def page_size(pagination: Pagination | None) -> int | None:
    """None where the source is not told a size."""
    match pagination:
        case InBody():
            return page_size(pagination.inner)
        case RangeHeader():
            return pagination.limit
        case PageNumber() | Offset():
            return _size(pagination.ending.limit)
        case TokenCursor() | LinkHeader():
            return _size(pagination.limit)
    return None


def _size(limit: Limit) -> int | None:
    return limit.size if limit.key else None


def with_page_size(pagination: Pagination, size: int) -> Pagination:
    """The same pagination with pages of another size. Only for one that has a size."""
    match pagination:
        case InBody():
            return replace(pagination, inner=with_page_size(pagination.inner, size))
        case RangeHeader():
            return replace(pagination, limit=size)
        case PageNumber() | Offset():
            ending = pagination.ending
            return replace(pagination, ending=replace(ending, limit=replace(ending.limit, size=size)))
        case TokenCursor() | LinkHeader():
            return replace(pagination, limit=replace(pagination.limit, size=size))
    return pagination
