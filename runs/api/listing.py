"""How every list answers, and how every single object is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict

from runs.api.payloads.common import Item, ListOf
from runs.keyset import keyset_page
from runs.lookups import MAX_LIMIT, OPERATORS, Field, parse_limit, where

DEFAULT_LIMIT = 100

Row = TypeVar("Row", bound=Model)


def find(rows: QuerySet[Row], row_id: UUID) -> Row:
    """The row with this id. Raises Http404, alike for one that is not there and one of another environment."""
    row = rows.filter(pk=row_id).first()
    if row is None:
        raise Http404(f"There is no {rows.model._meta.verbose_name} {row_id}.")
    return row


def page_of(
    rows: QuerySet[Row],
    params: QueryDict,
    fields: Mapping[str, Field],
    payload: Callable[[Row], Item],
) -> ListOf[Item]:
    """The list's page that the query asks for. Raises InvalidInput and BadCursor."""
    limit = parse_limit(params.get("limit") or str(DEFAULT_LIMIT))
    page = keyset_page(rows.filter(where(params, fields)), params.get("next_cursor"), limit)
    return {"result": [payload(row) for row in page.rows], "next_cursor": page.next_cursor, "limit": limit}


def list_parameters(fields: Mapping[str, Field]) -> dict[str, Any]:
    """What the OpenAPI document says of a list: its paging, and the fields it can be filtered by."""
    operators = ", ".join(f"`[{operator}]`" for operator in OPERATORS)
    paging = {
        "limit": f"How many rows, 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} unless given.",
        "next_cursor": "Where to go on: the `next_cursor` of the page before.",
    }
    filters = dict.fromkeys(fields, f"Equals this value. Also with {operators}.")
    return {
        "parameters": [
            {"in": "query", "name": name, "schema": {"type": "string"}, "required": False, "description": text}
            for name, text in {**paging, **filters}.items()
        ]
    }
