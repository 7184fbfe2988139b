"""Integrations taken from the catalogue into an environment, without losing what people have changed there.

Each row that the catalogue writes remembers the digest of what was written. A row that no longer has that digest was
changed by hand, and is kept unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from runs.catalog import CatalogEntry, catalog
from runs.errors import Failure, InvalidInput
from runs.hashing import digest
from runs.models import Environment, Integration, UnifiedMapping
from runs.services.definitions import job_labelled, save_integration, save_job
from runs.services.mappings import save_mapping

INTEGRATION_KEYS = ("label", "category", "config")
MAPPING_KEYS = ("model", "resource", "method")
JOB_KEYS = ("args_schema", "resources", "default_runtime_version")


class CatalogState(StrEnum):
    """How an entry of the catalogue stands in an environment."""

    ABSENT = "absent"
    CURRENT = "current"
    OUTDATED = "outdated"
    CHANGED = "changed"  # by hand


class Outcome(StrEnum):
    """What became of one part of an entry."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"  # it was changed by hand


@dataclass(frozen=True)
class LoadedPart:
    """`name` says what the part is: `integration zendesk`, `mapping ticketing/tickets list`, `job Tickets`."""

    name: str
    outcome: Outcome


@dataclass(frozen=True)
class ShelfLine:
    """An entry, and how it stands in one environment."""

    entry: CatalogEntry
    integration: Integration | None
    state: CatalogState


def catalog_entry(name: str) -> CatalogEntry:
    """The entry of this name. Raises InvalidInput, which lists those there are."""
    found = catalog().get(name)
    if found is None:
        raise InvalidInput([Failure(name, f"is not in the catalogue, which has: {', '.join(catalog())}.")])
    return found


def shelf(environment: Environment) -> list[ShelfLine]:
    """All entries of the catalogue, as they stand in the environment."""
    rows = Integration.objects.live().filter(environment=environment, name__in=catalog())
    by_name = {row.name: row for row in rows.prefetch_related("mappings")}
    return [ShelfLine(entry, by_name.get(name), _state(entry, by_name.get(name))) for name, entry in catalog().items()]


@transaction.atomic
def load_entry(
    environment: Environment, entry: CatalogEntry, *, force: bool = False, with_jobs: bool = False
) -> list[LoadedPart]:
    """Bring the entry's integration, its mappings and, if asked for, its example jobs into the environment.

    What was changed by hand is kept unless `force`; when the integration itself is kept, so are its mappings and jobs,
    which are written for the other one. An override of a mapping always stays. Loading twice changes nothing the second
    time. Raises InvalidInput.
    """
    integration, outcome = _load_integration(environment, entry, force)
    parts = [LoadedPart(f"integration {entry.name}", outcome)]
    if integration is None:
        return parts
    parts += [_load_mapping(integration, mapping, force) for mapping in entry.mappings]
    if with_jobs:
        parts += [_load_job(integration, job, force) for job in entry.jobs]
    return parts


def _load_integration(environment: Environment, entry: CatalogEntry, force: bool) -> tuple[Integration | None, Outcome]:
    """The integration as it now is, or None when it was kept as people have made it."""
    rows = Integration.objects.live().select_for_update(of=("self",))
    found = rows.filter(environment=environment, name=entry.name).first()
    outcome = _integration_outcome(entry, found, force)
    if outcome == Outcome.KEPT:
        return None, outcome
    if found is None or outcome == Outcome.UPDATED:
        found = save_integration(environment, {"name": entry.name, **_wanted(entry)}, found)
    _mark(found, digest(_wanted(entry)))
    return found, outcome


def _load_mapping(integration: Integration, mapping: Mapping[str, Any], force: bool) -> LoadedPart:
    key = {name: mapping[name] for name in MAPPING_KEYS}
    found = integration.mappings.select_for_update().filter(**key).first()
    outcome = _mapping_outcome(mapping, found, force)
    if found is None or outcome == Outcome.UPDATED:
        values = {**key, "integration": integration, "config": mapping["config"]}
        found = save_mapping(integration.environment, values, found)
    if outcome != Outcome.KEPT:
        _mark(found, digest(mapping["config"]))
    return LoadedPart("mapping {model}/{resource} {method}".format(**key), outcome)


def _load_job(integration: Integration, job: Mapping[str, Any], force: bool) -> LoadedPart:
    """A job that has the example's label and another content is somebody's own: examples are there to be changed."""
    wanted = {"args_schema": {}, "default_runtime_version": None, **job}
    found = job_labelled(integration, job["label"])
    same = found is not None and all(getattr(found, key) == wanted[key] for key in JOB_KEYS)
    outcome = _outcome(found is not None, same=same, ours=False, force=force)
    if outcome in (Outcome.CREATED, Outcome.UPDATED):
        save_job(integration.environment, {**wanted, "integration": integration}, found)
    return LoadedPart(f"job {job['label']}", outcome)


def _outcome(exists: bool, *, same: bool, ours: bool, force: bool) -> Outcome:
    """What is to become of a part: `same` as what the catalogue wants it to be, `ours` as it was left there."""
    if not exists:
        return Outcome.CREATED
    if same:
        return Outcome.UNCHANGED
    return Outcome.UPDATED if ours or force else Outcome.KEPT


def _integration_outcome(entry: CatalogEntry, row: Integration | None, force: bool) -> Outcome:
    present = digest({key: getattr(row, key) for key in INTEGRATION_KEYS}) if row else ""
    return _row_outcome(row, present, digest(_wanted(entry)), force)


def _mapping_outcome(mapping: Mapping[str, Any], row: UnifiedMapping | None, force: bool) -> Outcome:
    return _row_outcome(row, digest(row.config) if row else "", digest(mapping["config"]), force)


def _row_outcome(row: Integration | UnifiedMapping | None, present: str, wanted: str, force: bool) -> Outcome:
    ours = row is not None and present == row.catalog_digest
    return _outcome(row is not None, same=present == wanted, ours=ours, force=force)


def _wanted(entry: CatalogEntry) -> dict[str, Any]:
    return {key: getattr(entry, key) for key in INTEGRATION_KEYS}


def _mark(row: Integration | UnifiedMapping, wanted: str) -> None:
    """Remember what the catalogue has written, also where it was there already. Its times stay as they are."""
    if row.catalog_digest != wanted:
        type(row).objects.filter(id=row.id).update(catalog_digest=wanted)


def _state(entry: CatalogEntry, row: Integration | None) -> CatalogState:
    """Told from the integration and its mappings together: what one of them needs, the entry needs."""
    if row is None:
        return CatalogState.ABSENT
    mappings = {tuple(getattr(mapping, name) for name in MAPPING_KEYS): mapping for mapping in row.mappings.all()}
    outcomes = {_integration_outcome(entry, row, force=False)}
    outcomes |= {_mapping_outcome(wanted, mappings.get(_key(wanted)), force=False) for wanted in entry.mappings}
    if Outcome.KEPT in outcomes:
        return CatalogState.CHANGED
    return CatalogState.CURRENT if outcomes == {Outcome.UNCHANGED} else CatalogState.OUTDATED


def _key(mapping: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(mapping[name] for name in MAPPING_KEYS)
