"""How every list answers, and how every single object is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict

from runs.api.list_parameters import DEFAULT_LIMIT, list_parameters
from runs.api.payloads.common import Item, ListOf
from runs.errors import Failure, InvalidInput
from runs.keyset import KEYS, Keys, ListOrder, keyset_page
from runs.lookups import Field, parse_limit, where

__all__ = ["find", "list_parameters", "page_of"]

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
    keys: Keys = KEYS,
) -> ListOf[Item]:
    """The list's page that the query asks for. Raises InvalidInput and BadCursor."""
    limit, order = parse_limit(params.get("limit") or str(DEFAULT_LIMIT)), _order(params)
    page = keyset_page(rows.filter(where(params, fields)), params.get("next_cursor"), limit, keys, order)
    return {"result": [payload(row) for row in page.rows], "next_cursor": page.next_cursor, "limit": limit}


def _order(params: QueryDict) -> ListOrder:
    text = params.get("order") or ListOrder.NEWEST_FIRST
    if text not in list(ListOrder):
        raise InvalidInput([Failure("order", f"must be one of {', '.join(ListOrder)}")])
    return ListOrder(text)
