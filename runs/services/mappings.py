"""Unified mappings: checked before they are stored. So are an account's overrides of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from runs.connectors import SpecError, UnknownMethod, layered, parse_mapping
from runs.engine.description import described, override_methods
from runs.errors import Failure, InvalidInput
from runs.models import Environment, IntegratedAccount, UnifiedMapping
from runs.services.audit import note, note_saved, values_of
from runs.services.run_request import spec_of
from runs.services.saving import raise_if
from runs.storable import storage_failures

LONGEST = {"model": 100, "resource": 100, "method": 50}
OBJECTS = ("config", "override")
FIELDS = ("integration", *LONGEST, *OBJECTS)
_NAME = re.compile(r"[\w-]+")


@transaction.atomic
def save_mapping(
    environment: Environment, values: Mapping[str, Any], mapping: UnifiedMapping | None = None
) -> UnifiedMapping:
    """Create the mapping, or change the one given: `integration`, `model`, `resource`, `method`, `config` and the
    environment's `override`.

    What is checked is what is in force: the override laid over the config. Raises InvalidInput with every fault.
    """
    row = _locked(mapping) if mapping else UnifiedMapping(environment=environment)
    before = values_of(row, FIELDS)
    for field in FIELDS:
        if field in values:
            setattr(row, field, values[field])
    failures = [*_form_failures(row)]
    if not failures:
        of_this = {f"{row.model}/{row.resource}": {row.method: layered(row.config, row.override)}}
        spec = replace(spec_of(row.integration, "integration"), mappings=of_this)
        failures = [*_faults(partial(spec.method, f"{row.model}/{row.resource}", row.method), "config")]
    raise_if(failures)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        message = f"{row} is mapped for the integration {row.integration.name} already."
        raise InvalidInput([Failure("resource", message)]) from error
    note_saved("mapping", row, before)
    return row


@transaction.atomic
def delete_mapping(mapping: UnifiedMapping) -> None:
    """Runs and jobs that name it are told so by their next check."""
    if UnifiedMapping.objects.filter(id=mapping.id).delete()[0]:
        note("mapping.delete", mapping)


def override_failures(account: IntegratedAccount) -> Iterator[Failure]:
    """What is wrong with the account's `unified_model_override`, laid over what it overrides.

    One that names no resource of the integration may come before the mapping that it overrides: until that is there, it
    is without effect, and only its texts are checked.
    """
    override = account.unified_model_override
    if not _is_nested(override, 3):
        message = "must be an object of the form {model: {resource: {method: {…}}}}."
        yield Failure("unified_model_override", message)
    elif override:
        try:
            spec = described(account.integration, account)
        except SpecError as error:
            yield Failure("integration_name", f"names {account.integration.name}, which is not valid: {error}")
            return
        mapped = _mapped_methods(account)
        for (resource, method), config in override_methods(override):
            path = ".".join(("unified_model_override", *resource.split("/", 1), method))
            if (resource, method) in mapped or "resource" in config:
                yield from _faults(partial(spec.method, resource, method), path)
            else:
                yield from _faults(partial(parse_mapping, {"response_mapping": {}, **config}, resource, method), path)


def _mapped_methods(account: IntegratedAccount) -> set[tuple[str, str]]:
    """The unified methods that the account's integration has without the account."""
    rows = UnifiedMapping.objects.filter(integration=account.integration).values_list("model", "resource", "method")
    return {(f"{model}/{resource}", method) for model, resource, method in rows}


def _locked(mapping: UnifiedMapping) -> UnifiedMapping:
    """The row, read again and locked, so that no change of another caller is lost. A removed one is really gone."""
    if mapping._state.adding:
        return mapping
    try:
        mapping.refresh_from_db(from_queryset=UnifiedMapping.objects.select_for_update(of=("self",)))
    except UnifiedMapping.DoesNotExist as error:
        raise InvalidInput([Failure("id", "has been deleted.")]) from error
    return mapping


def _form_failures(row: UnifiedMapping) -> Iterator[Failure]:
    if not row.integration_id:
        yield Failure("integration", "is required: the name or the id of an integration.")
    for field, longest in LONGEST.items():
        value = getattr(row, field)
        if not isinstance(value, str) or len(value) > longest or not _NAME.fullmatch(value):
            yield Failure(field, f"is required: 1 to {longest} letters, digits, hyphens or underscores.")
    for field in OBJECTS:
        value = getattr(row, field)
        yield from storage_failures(value, field)
        if not isinstance(value, dict):
            yield Failure(field, "must be an object.")


def _is_nested(value: Any, levels: int) -> bool:
    if not isinstance(value, dict):
        return False
    return levels == 0 or all(_is_nested(item, levels - 1) for item in value.values())


def _faults(parse: Callable[[], Any], path: str) -> Iterator[Failure]:
    """What is wrong with the mapping that is parsed, each fault at its path below the one given."""
    try:
        parse()
    except SpecError as error:
        yield from (Failure(".".join(filter(None, (path, key))), message) for key, message in error.failures)
    except UnknownMethod as error:
        yield Failure(f"{path}.resource", str(error))
