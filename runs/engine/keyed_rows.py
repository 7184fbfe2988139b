"""Rows that there is one of for each key, made when they are first needed."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def locked_or_made(rows: QuerySet[Row], key: dict[str, Any]) -> Row:
    """The row of this key, by a query that locks (`select_for_update`); made if it is the first.

    Of several transactions that make it at once one does, and the others wait for the lock.
    """
    found = rows.filter(**key).first()
    if found is None:
        rows.model._default_manager.bulk_create([rows.model(**key)], ignore_conflicts=True)
        found = rows.get(**key)
    return found
