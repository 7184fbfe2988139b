"""Objects that a body names: an integration by its name or id, others by their ids, all of the token's environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from runs.errors import Failure, InvalidInput
from runs.models import Environment, Integration


def with_integration(
    values: dict[str, Any], environment: Environment, field: str = "integration_name"
) -> dict[str, Any]:
    """The values with the field's name, or id, replaced by the integration. Raises InvalidInput if there is none."""
    name = values.pop(field, None)
    if name is None:
        return values
    integrations = Integration.objects.live().filter(environment=environment)
    integration = integrations.filter(name=name).first() or _by_id(integrations, name)
    if integration is None:
        raise InvalidInput([Failure(field, "is not the name of an integration of this environment")])
    return {**values, "integration": integration}


def _by_id(integrations: QuerySet[Integration], text: str) -> Integration | None:
    try:
        return integrations.filter(pk=UUID(text)).first()
    except ValueError:
        return None


def named_rows(
    values: dict[str, Any], rows_by_field: Mapping[str, tuple[str, QuerySet[Any]]], others: Iterable[Failure] = ()
) -> dict[str, Any]:
    """The values with each id field replaced, under its new name, by the row that it names.

    Raises InvalidInput with every id that names nothing here (what is of another environment is unknown), and with the
    `others`: what else is wrong with the values, which is not asked for unless there is a refusal.
    """
    named, failures = dict(values), []
    for field, (name, rows) in rows_by_field.items():
        row_id = named.pop(field, None)
        if row_id is None:
            continue
        named[name] = rows.filter(pk=row_id).first()
        if named[name] is None:
            failures.append(Failure(field, f"is no {rows.model._meta.verbose_name} of this environment"))
    if failures:
        raise InvalidInput([*failures, *others])
    return named
