"""What a job would do: its entries in the order in which they run, and what each of them reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runs.connectors import ApiSpec, located
from runs.engine.entries import sketched_entries
from runs.engine.entry import Entry
from runs.engine.entry_options import SPOOL, TRANSFORM
from runs.engine.plan import in_order
from runs.errors import InvalidInput
from runs.models import Integration, SyncJob
from runs.services.run_request import spec_of


class EntryKind(StrEnum):
    """Whom an entry asks: the API as it is, the Unified API, or nobody, since it works on another entry's records."""

    PROXY = "proxy"
    UNIFIED = "unified"
    TRANSFORM = TRANSFORM
    SPOOL = SPOOL


@dataclass(frozen=True)
class PlannedEntry:
    """`place`: when it runs, from 1. `depth`: how many entries stand above it. `reads`: what its placeholders name."""

    entry: Entry
    place: int
    depth: int
    kind: EntryKind
    reads: tuple[str, ...]
    has_children: bool

    @property
    def recurses(self) -> bool:
        return self.entry.recurse is not None

    @property
    def expression(self) -> str:
        """The JSONata of a transform, or the condition under which an entry recurses."""
        recurse = self.entry.recurse
        found = recurse.condition if recurse else self.entry.expression
        return found.text if found else ""


def plan_of(resources: Any, integration: Integration | None = None) -> tuple[PlannedEntry, ...]:
    """The plan of entries that may have faults: those whose shape can't be made out are missing from it."""
    spec = None if integration is None else _known_spec(integration)
    return planned(sketched_entries(resources, spec), spec)


def planned(entries: Sequence[Entry], spec: ApiSpec | None) -> tuple[PlannedEntry, ...]:
    """The plan of entries that have been parsed."""
    ordered = in_order(entries)
    parents = {entry.parent for entry in ordered}
    depths: dict[str, int] = {}
    for entry in ordered:
        depths[entry.name] = 0 if entry.parent is None else depths[entry.parent] + 1
    return tuple(
        PlannedEntry(entry, place, depths[entry.name], _kind(entry, spec), _reads(entry), entry.name in parents)
        for place, entry in enumerate(ordered, start=1)
    )


def offered(integration: Integration) -> dict[str, list[str]]:
    """The methods of each resource that an entry may name, those of the Unified API last."""
    spec = _known_spec(integration)
    if spec is None:
        return {}
    return {name: list(methods) for name, methods in {**spec.resources, **spec.mappings}.items()}


def job_plan(job: SyncJob) -> tuple[PlannedEntry, ...]:
    """The plan of a stored job, which its integration may have left behind since."""
    return plan_of(job.resources, job.integration)


def _known_spec(integration: Integration) -> ApiSpec | None:
    try:
        return spec_of(integration)
    except InvalidInput:
        return None


def _kind(entry: Entry, spec: ApiSpec | None) -> EntryKind:
    if not entry.makes_requests:
        return EntryKind(entry.kind)
    is_unified = "/" in entry.resource if spec is None else spec.is_unified(entry.resource)
    return EntryKind.UNIFIED if is_unified else EntryKind.PROXY


def _reads(entry: Entry) -> tuple[str, ...]:
    """Each path once, in the order met. A loop reads its list."""
    paths: Iterable[str] = (path for placeholder in located(entry.templates) for path in placeholder.paths)
    looped = [] if entry.loop_on is None else [f"args.{entry.loop_on}"]
    return tuple(dict.fromkeys([*looped, *paths]))
