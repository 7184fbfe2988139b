"""In which order a run's entries are worked off, and since when each of them has to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from runs.engine.entry import Entry
from runs.hashing import digest
from runs.models import RunStep


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Parents first, else in the order given. The entries have no cycle (`parse_entries` refuses one)."""
    by_name = {entry.name: entry for entry in entries}
    placed: dict[str, Entry] = {}
    for entry in entries:
        chain: list[Entry] = []
        at: Entry | None = entry
        while at is not None and at.name not in placed:
            chain.append(at)
            at = by_name.get(at.parent or "")
        placed.update((due.name, due) for due in reversed(chain))
    return list(placed.values())


def incremental_keys(entries: Sequence[Entry], scope: dict[str, Any]) -> dict[str, str]:
    """Per entry's name, the key under which its runs share a date.

    Takes the scope (job, account, args, destination). A changed definition, of the entry or of a parent, is a new
    key: its next run is a full sync (contract 3.5). So is a changed mapping, which all records have to go through
    again, also those that have not changed at the source.
    """
    keys: dict[str, str] = {}
    for entry in in_order(entries):
        mapping = [] if entry.mapping is None else [entry.mapping]
        keys[entry.name] = digest([scope, entry.definition, keys.get(entry.parent or ""), *mapping])
    return keys


def previous_run_dates(keys: Sequence[str], overlap: timedelta) -> dict[str, datetime]:
    """Per key that has one, the start of the latest run in which its entry ended cleanly, less the overlap."""
    found = RunStep.objects.filter(incremental_key__in=keys).exclude(watermark=None)
    latest = found.values_list("incremental_key").annotate(latest=Max("watermark"))
    return {key: watermark - overlap for key, watermark in latest}
