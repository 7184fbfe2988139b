"""A plain list, page by page."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from dashboard.pages.access import PageRequest
from runs.keyset import BadCursor, keyset_page

Row = TypeVar("Row", bound=Model)
LIMIT = 50


def listed(request: PageRequest, rows: QuerySet[Row]) -> dict[str, Any]:
    """The context of a list: its rows, newest first, and the addresses of the pages beside it.

    A cursor that is not ours gives the first page.
    """
    try:
        page = keyset_page(rows, request.GET.get("cursor"), LIMIT)
    except BadCursor:
        page = keyset_page(rows, None, LIMIT)
    return {
        "rows": page.rows,
        "newer": page.previous_cursor and _query(request, page.previous_cursor),
        "older": page.next_cursor and _query(request, page.next_cursor),
    }


def listed_by_name(request: PageRequest, rows: QuerySet[Row], name: str) -> dict[str, Any]:
    """The context of a list in the order of a unique name: its rows, and the address of the page after them."""
    after = request.GET.get("after", "").replace("\x00", "")
    found = list(rows.filter(**{f"{name}__gt": after}).order_by(name)[: LIMIT + 1])
    params = request.GET.copy()
    if len(found) > LIMIT:
        params["after"] = getattr(found[LIMIT - 1], name)
    following = params.urlencode() if len(found) > LIMIT else ""
    return {"rows": found[:LIMIT], "after": after, "following": following}


def _query(request: PageRequest, cursor: str) -> str:
    params = request.GET.copy()
    params["cursor"] = cursor
    return params.urlencode()
