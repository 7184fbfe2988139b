"""Rows that there is one of for each key, made when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def locked_or_made(model: type[Row], key: dict[str, Any], find: Callable[[], Row | None]) -> Row:
    """The row of this key, as `find` reads and locks it; made if it is the first.

    Of several transactions that make it at once one does, and the others wait for the lock.
    """
    found = find()
    if found is None:
        model._default_manager.bulk_create([model(**key)], ignore_conflicts=True)
        found = find()
    assert found is not None  # noqa: S101 - nobody removes such a row
    return found
