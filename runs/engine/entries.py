"""A run's resource entries, parsed once. Nothing behind this module handles the raw dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runs.connectors import LONGEST_METHOD, LONGEST_RESOURCE, ApiSpec, Expression, SpecError, UnknownMethod, located
from runs.engine.entry_options import (
    HARD,
    KINDS,
    REQUEST,
    SOFT,
    Recurse,
    check_derived,
    is_id,
    loop_path,
    parsed_recurse,
)
from runs.errors import Failure, InvalidInput

MAX_ENTRIES = 5000
NAMED = 30  # of the names that there are, in a message
ROOTS = ("args", "resources", "previous_run_date", "sync_job_run", "context")
TEXTS = ("name", "depends_on")
NEEDS_ID = "get"
NO_LISTS = ("get", "create", "update", "delete")


@dataclass(frozen=True)
class Entry:
    """One item of a job's `resources`: which method of which resource to call, how often, and with what.

    `mapping` is the config of a unified resource's mapping.
    """

    index: int
    name: str
    resource: str
    method: str
    persist: bool
    id: str | None
    query: Mapping[str, Any]
    body: Any
    loop_on: str | None
    parent: str | None
    definition: Mapping[str, Any]
    mapping: Mapping[str, Any] | None = None
    kind: str = REQUEST
    expression: Expression | None = None
    recurse: Recurse | None = None
    delete_tracking: str | None = None

    @property
    def request_parts(self) -> dict[str, Any]:
        """The parts of a request, with their placeholders."""
        return {"id": self.id, "query": self.query, "body": self.body}

    @property
    def recursed_parts(self) -> dict[str, Any]:
        """The same of a request that one of the entry's own records led to: `recurse.config` is laid over it."""
        recurse = self.recurse
        if recurse is None:
            return self.request_parts
        given = {**self.query, **recurse.query}
        return {"id": self.id if recurse.id is None else recurse.id, "query": given, "body": self.body}

    @property
    def templates(self) -> dict[str, Any]:
        """All that may hold placeholders, each at its place in the entry."""
        recurse = {} if self.recurse is None else {"recurse": {"config": self.recurse.config}}
        return {**self.request_parts, **recurse}

    @property
    def makes_requests(self) -> bool:
        """Whether it asks the source: a transform or a spool works on its parent's records instead."""
        return self.kind == REQUEST


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
    raw = [_Raw(index, item, failures) for index, item in enumerate(resources)]
    misshapen = [item for item in raw if not item.is_sound]
    sound = [item for item in raw if item.is_sound]
    names = _names(sound)
    return tuple(item.entry(names[item.index], _parent(item, names, sound, misshapen), spec) for item in sound)


class _Raw:
    """One item as it came, its shape checked."""

    def __init__(self, index: int, item: Any, failures: list[Failure]) -> None:
        self.index = index
        self.item: dict[str, Any] = item if isinstance(item, dict) else {}
        self.failures = failures
        self.kind: str = REQUEST if self.item.get("type") is None else self.item["type"]
        self.expression: Expression | None = None
        self.recurse: Recurse | None = None
        self.is_sound = True
        if not isinstance(item, dict):
            self.fail("", "must be an object.")
            return
        self._check_common()
        if self.kind == REQUEST:
            self._check_request()
        elif self.kind in KINDS:
            self.expression = check_derived(self.item, self.fail)
        else:
            self.fail("type", f"must be one of {', '.join(KINDS)}.")

    @property
    def resource(self) -> str:
        """What its records are stored and counted as; a transform or spool has its name for that."""
        return str(self.item["resource"] if self.kind == REQUEST else self.item["name"])

    @property
    def method(self) -> str:
        return str(self.item["method"] if self.kind == REQUEST else self.kind)

    def fail(self, key: str, message: str) -> None:
        path = f"resources.{self.index}"
        self.is_sound = False
        self.failures.append(Failure(f"{path}.{key}" if key else path, message))

    def _check_common(self) -> None:
        required = ("resource", "method") if self.kind == REQUEST else ("name",)
        for key in required:
            if not _is_text(self.item.get(key), key):
                self.fail(key, f"is required, as a text of at most {_longest(key)} characters.")
        for key in TEXTS:
            if key not in required and self.item.get(key) is not None and not _is_text(self.item[key], key):
                self.fail(key, f"must be a text of at most {_longest(key)} characters.")
        if not isinstance(self.item.get("persist", False), bool):
            self.fail("persist", "must be true or false.")

    def _check_request(self) -> None:
        if not isinstance(self.item.get("query"), dict | None):
            self.fail("query", "must be an object.")
        self._check_id()
        self._check_loop()
        if self.item.get("delete_tracking") not in (None, SOFT, HARD):
            self.fail("delete_tracking", f"must be {SOFT} (records are marked) or {HARD} (they are removed).")
        if self.item.get("recurse") is not None:
            self.recurse = parsed_recurse(self.item["recurse"], self.fail)

    def _check_id(self) -> None:
        given = self.item.get("id")
        if given is None and self.item.get("method") == NEEDS_ID:
            self.fail("id", "is required by the method get.")
        if not is_id(given):
            self.fail("id", "must be a text or a number.")

    def _check_loop(self) -> None:
        if self.item.get("loop_on") is not None and loop_path(self.item["loop_on"]) is None:
            message = "must name an argument: user_ids, args.user_ids or {{args.user_ids}}. "
            self.fail("loop_on", message + "For a list within a parent's records, put a transform in between.")

    def entry(self, name: str, parent: str | None, spec: ApiSpec | None) -> Entry:
        item = self.item
        is_unified = self.kind == REQUEST and spec is not None and spec.is_unified(self.resource)
        mappings = spec.mappings.get(self.resource, {}) if is_unified and spec is not None else {}
        return Entry(
            index=self.index,
            name=name,
            resource=self.resource,
            method=self.method,
            persist=item.get("persist", False) or is_unified,
            id=None if item.get("id") is None else str(item["id"]),
            query=item.get("query") or {},
            body=item.get("body"),
            loop_on=loop_path(item.get("loop_on")),
            parent=parent,
            definition=item,
            mapping=mappings.get(self.method),
            kind=self.kind,
            expression=self.expression,
            recurse=self.recurse,
            delete_tracking=item.get("delete_tracking"),
        )


def _longest(key: str) -> int:
    return LONGEST_METHOD if key == "method" else LONGEST_RESOURCE


def _is_text(value: Any, key: str) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _longest(key)


def _names(raw: list[_Raw]) -> dict[int, str]:
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


def _free_name(item: _Raw, taken: set[str]) -> str:
    candidates = [item.resource, f"{item.resource} {item.method}"]
    candidates += [f"{candidates[1]} {number}" for number in range(2, len(taken) + 3)]
    return next(name for name in candidates if name not in taken)


def _parent(item: _Raw, names: Mapping[int, str], raw: list[_Raw], misshapen: list[_Raw]) -> str | None:
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
