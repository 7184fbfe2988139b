"""A run's resource entries, parsed once. Nothing behind this module handles the raw dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from runs.connectors import ApiSpec, SpecError, UnknownMethod, located
from runs.engine.entry import Entry
from runs.engine.entry_shape import RawEntry
from runs.errors import Failure, InvalidInput

MAX_ENTRIES = 5000
NAMED = 30  # of the names that there are, in a message
ROOTS = ("args", "resources", "previous_run_date", "sync_job_run", "context")
NO_LISTS = ("get", "create", "update", "delete")


def parse_entries(resources: Any, spec: ApiSpec) -> tuple[Entry, ...]:
    """The entries of a job's or run's `resources`, in the order given.

    Raises InvalidInput with every fault, each at its path (`resources.1.depends_on`).
    """
    if not isinstance(resources, list) or not resources:
        raise InvalidInput([Failure("resources", "must be a list with at least one entry.")])
    if len(resources) > MAX_ENTRIES:
        raise InvalidInput([Failure("resources", f"must have at most {MAX_ENTRIES} entries.")])
    failures: list[Failure] = []
    entries = _shaped(resources, spec, failures)
    for entry in entries:
        failures += [*_method_failures(entry, spec), *_placeholder_failures(entry)]
    failures += _cycles(entries)
    failures += _tracking_failures(entries)
    if failures:
        raise InvalidInput(failures)
    return entries


def sketched_entries(resources: Any, spec: ApiSpec | None) -> tuple[Entry, ...]:
    """The entries whose own shape is sound, whatever else is wrong: to draw what somebody is still writing.

    Of two that have one name the first; a ring is open at one place. Without a spec they are drawn all the same.
    """
    if not isinstance(resources, list):
        return ()
    by_name: dict[str, Entry] = {}
    for entry in _shaped(resources[:MAX_ENTRIES], spec, []):
        by_name.setdefault(entry.name, entry)
    cut = {at.index for at, _ in _rings(tuple(by_name.values()))}
    return tuple(replace(entry, parent=None) if entry.index in cut else entry for entry in by_name.values())


def _shaped(resources: list[Any], spec: ApiSpec | None, failures: list[Failure]) -> tuple[Entry, ...]:
    """The entries of sound shape, judged further, so that one refusal tells all there is to mend."""
    raw = [RawEntry(index, item, failures) for index, item in enumerate(resources)]
    misshapen = [item for item in raw if not item.is_sound]
    sound = [item for item in raw if item.is_sound]
    names = _names(sound)
    return tuple(item.entry(names[item.index], _parent(item, names, sound, misshapen), spec) for item in sound)


def _names(raw: list[RawEntry]) -> dict[int, str]:
    """A name for each entry, by its index: its alias, else its resource, made unique by method and number."""
    aliases = [item.item.get("name") for item in raw]
    taken = {alias for alias in aliases if alias}
    names = {}
    for item, alias in zip(raw, aliases, strict=True):
        if alias and aliases.count(alias) > 1:
            item.fail("name", f"{alias} is the name of more than one entry.")
        name = alias or _free_name(item, taken)
        taken.add(name)
        names[item.index] = name
    return names


def _free_name(item: RawEntry, taken: set[str]) -> str:
    candidates = [item.resource, f"{item.resource} {item.method}"]
    candidates += [f"{candidates[1]} {number}" for number in range(2, len(taken) + 3)]
    return next(name for name in candidates if name not in taken)


def _parent(item: RawEntry, names: Mapping[int, str], raw: list[RawEntry], misshapen: list[RawEntry]) -> str | None:
    """The name of the entry that `depends_on` means: by alias, else the one other entry of that resource.

    None where it may be one of the misshapen, whose own faults are told.
    """
    wanted = item.item.get("depends_on")
    if wanted is None:
        return None
    if wanted in [other.item.get("name") for other in raw]:
        return str(wanted)
    found = [other for other in raw if other.resource == wanted and other is not item]
    if len(found) == 1:
        return names[found[0].index]
    if item.resource == wanted and not found:
        item.fail("depends_on", f"{wanted} is this entry itself: it would wait for itself.")
    elif found:
        item.fail("depends_on", f"{wanted} appears {len(found)} times; give the entries a name and use that.")
    elif not any(wanted in (other.item.get("name"), other.item.get("resource")) for other in misshapen):
        item.fail("depends_on", f"{wanted} is not among the entries: {_some(sorted(names.values()))}.")
    return None


def _some(names: list[str]) -> str:
    """Enough of the names to find a typing error by; each of a thousand failures names them."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _method_failures(entry: Entry, spec: ApiSpec) -> Iterable[Failure]:
    if not entry.makes_requests:
        return
    try:
        method = spec.method(entry.resource, entry.method)
    except UnknownMethod as error:
        yield Failure(f"resources.{entry.index}.resource", str(error))
        return
    except SpecError as error:
        message = f"The mapping of {entry.resource} {entry.method} is not valid: {error}"
        yield Failure(f"resources.{entry.index}.resource", message)
        return
    if method.needs_id and entry.id is None:
        yield Failure(f"resources.{entry.index}.id", f"is required: the path {method.path} of {entry.method} needs it.")


def _placeholder_failures(entry: Entry) -> Iterable[Failure]:
    for placeholder in located(entry.templates, f"resources.{entry.index}"):
        yield from (Failure(placeholder.location, fault) for fault in placeholder.faults())
        for root in sorted({path.split(".")[0] for path in placeholder.paths} - set(ROOTS)):
            message = f"{root} is not known to placeholders, which begin with: {', '.join(ROOTS)}."
            yield Failure(placeholder.location, message)


def _tracking_failures(entries: tuple[Entry, ...]) -> Iterable[Failure]:
    """What keeps an entry from knowing all records of its resource: then it would take the others for deleted."""
    stored = Counter(entry.resource for entry in entries if entry.persist)
    for entry in entries:
        path = f"resources.{entry.index}.delete_tracking"
        if entry.delete_tracking is None:
            continue
        if entry.method in NO_LISTS:
            yield Failure(path, f"needs a list of all records, which {entry.method} does not bring.")
        if not entry.persist:
            yield Failure(path, "needs persist: true, since it looks after the stored records.")
        if stored[entry.resource] > 1:
            yield Failure(path, f"can't be told for {entry.resource}, which another entry stores too.")


def _cycles(entries: tuple[Entry, ...]) -> Iterable[Failure]:
    """A failure for each ring of entries that wait for one another."""
    for at, ring in _rings(entries):
        yield Failure(f"resources.{at.index}.depends_on", f"is a cycle: {' → '.join([*ring, at.name])}.")


def _rings(entries: tuple[Entry, ...]) -> Iterable[tuple[Entry, list[str]]]:
    """Of each ring one entry, and the names from it on. Each entry is walked once."""
    by_name = {entry.name: entry for entry in entries}
    cleared: set[str] = set()
    for entry in entries:
        chain: dict[str, int] = {}
        at: Entry | None = entry
        while at is not None and at.name not in cleared and at.name not in chain:
            chain[at.name] = at.index
            at = by_name.get(at.parent or "")
        if at is not None and at.name in chain:
            yield at, list(chain)[list(chain).index(at.name) :]
        cleared.update(chain)
