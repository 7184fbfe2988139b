"""How a definition is written: locked against other writers, and only with values that the database can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from runs.errors import Failure, InvalidInput
from runs.models.base import DeletableModel
from runs.storable import storage_failures

Row = TypeVar("Row", bound=DeletableModel)


def locked(row: Row, *, no_key: bool = False) -> Row:
    """The row, read again and locked to the end of the transaction, so that no change of another caller is lost.

    `no_key`: rows that name it may be written meanwhile. Raises InvalidInput if it has been deleted meanwhile.
    """
    if row._state.adding:
        return row
    rows: Any = type(row).objects
    try:
        row.refresh_from_db(from_queryset=rows.live().select_for_update(of=("self",), no_key=no_key))
    except type(row).DoesNotExist as error:
        raise InvalidInput([Failure("id", "has been deleted.")]) from error
    return row


def assign(row: Any, values: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    """Set those of the fields that are given. Raises InvalidInput for what can't be stored."""
    raise_if([failure for field in fields if field in values for failure in storage_failures(values[field], field)])
    for field in fields:
        if field in values:
            setattr(row, field, values[field])


def caught(check: Callable[..., Any], *args: Any) -> list[Failure]:
    """The failures that the check raises; none if it passes."""
    try:
        check(*args)
    except InvalidInput as error:
        return error.failures
    return []


def raise_if(failures: list[Failure]) -> None:
    if failures:
        raise InvalidInput(failures)
