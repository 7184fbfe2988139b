"""A run's resource entries, parsed once. Nothing behind this module handles the raw dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runs.connectors import ApiSpec, SpecError, UnknownMethod, located
from runs.errors import Failure, InvalidInput

ROOTS = ("args", "resources", "previous_run_date", "sync_job_run", "context")
TEXTS = ("name", "depends_on")
NEEDS_ID = "get"


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

    @property
    def request_parts(self) -> dict[str, Any]:
        """What may hold placeholders."""
        return {"id": self.id, "query": self.query, "body": self.body}


def parse_entries(resources: Any, spec: ApiSpec) -> tuple[Entry, ...]:
    """The entries of a job's or run's `resources`, in the order given.

    Raises InvalidInput with every fault, each at its path (`resources.1.depends_on`).
    """
    if not isinstance(resources, list) or not resources:
        raise InvalidInput([Failure("resources", "must be a list with at least one entry.")])
    failures: list[Failure] = []
    raw = [_Raw(index, item, failures) for index, item in enumerate(resources)]
    if failures:
        raise InvalidInput(failures)
    names = _names(raw, failures)
    entries = tuple(
        item.entry(name, _parent(item, names, raw, failures), spec) for item, name in zip(raw, names, strict=True)
    )
    for entry in entries:
        failures += [*_method_failures(entry, spec), *_placeholder_failures(entry)]
    failures += _cycles(entries)
    if failures:
        raise InvalidInput(failures)
    return entries


class _Raw:
    """One item as it came, its shape checked."""

    def __init__(self, index: int, item: Any, failures: list[Failure]) -> None:
        self.index = index
        self.item: dict[str, Any] = item if isinstance(item, dict) else {}
        self.failures = failures
        if not isinstance(item, dict):
            self.fail("", "must be an object.")
            return
        self._check()

    def fail(self, key: str, message: str) -> None:
        path = f"resources.{self.index}"
        self.failures.append(Failure(f"{path}.{key}" if key else path, message))

    def _check(self) -> None:
        for key in ("resource", "method"):
            if not _is_text(self.item.get(key)):
                self.fail(key, "is required, as a text of at most 200 characters.")
        for key in TEXTS:
            if self.item.get(key) is not None and not _is_text(self.item[key]):
                self.fail(key, "must be a text of at most 200 characters.")
        if not isinstance(self.item.get("query"), dict | None):
            self.fail("query", "must be an object.")
        if not isinstance(self.item.get("persist", False), bool):
            self.fail("persist", "must be true or false.")
        self._check_id()
        self._check_loop()
        for key in ("type", "recurse", "delete_tracking"):
            if self.item.get(key) is not None:
                self.fail(key, "is not available in this version.")

    def _check_id(self) -> None:
        given = self.item.get("id")
        if given is None and self.item.get("method") == NEEDS_ID:
            self.fail("id", "is required by the method get.")
        if given is not None and (not isinstance(given, str | int) or isinstance(given, bool)):
            self.fail("id", "must be a text or a number.")

    def _check_loop(self) -> None:
        if self.item.get("loop_on") is not None and loop_path(self.item["loop_on"]) is None:
            self.fail("loop_on", "must name an argument: user_ids, args.user_ids or {{args.user_ids}}.")

    def entry(self, name: str, parent: str | None, spec: ApiSpec) -> Entry:
        item = self.item
        return Entry(
            index=self.index,
            name=name,
            resource=item["resource"],
            method=item["method"],
            persist=item.get("persist", False) or spec.is_unified(item["resource"]),
            id=None if item.get("id") is None else str(item["id"]),
            query=item.get("query") or {},
            body=item.get("body"),
            loop_on=loop_path(item.get("loop_on")),
            parent=parent,
            definition=item,
            mapping=spec.mappings.get(item["resource"], {}).get(item["method"]),
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def loop_path(value: Any) -> str | None:
    """The path within the arguments that an entry loops on, or None where nothing is named.

    Takes all spellings, also the seed page's object, to which an unquoted YAML placeholder decays.
    """
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value))
    if not isinstance(value, str):
        return None
    return value.strip("{} ").removeprefix("args.") or None


def _names(raw: list[_Raw], failures: list[Failure]) -> list[str]:
    """A name for each entry: its alias, else its resource, made unique by method and number."""
    aliases = [item.item.get("name") for item in raw]
    taken = {alias for alias in aliases if alias}
    names = []
    for item, alias in zip(raw, aliases, strict=True):
        if alias and aliases.count(alias) > 1:
            item.fail("name", f"{alias} is the name of more than one entry.")
        name = alias or _free_name(item.item, taken)
        taken.add(name)
        names.append(name)
    return names


def _free_name(item: Mapping[str, Any], taken: set[str]) -> str:
    candidates = [item["resource"], f"{item['resource']} {item['method']}"]
    candidates += [f"{candidates[1]} {number}" for number in range(2, len(taken) + 3)]
    return next(name for name in candidates if name not in taken)


def _parent(item: _Raw, names: list[str], raw: list[_Raw], failures: list[Failure]) -> str | None:
    """The name of the entry that `depends_on` means: by alias, else the one other entry of that resource."""
    wanted = item.item.get("depends_on")
    if wanted is None:
        return None
    if wanted in [other.item.get("name") for other in raw]:
        return str(wanted)
    found = [other for other in raw if other.item["resource"] == wanted and other is not item]
    if len(found) == 1:
        return names[found[0].index]
    if item.item["resource"] == wanted and not found:
        item.fail("depends_on", f"{wanted} is this entry itself: it would wait for itself.")
    elif found:
        item.fail("depends_on", f"{wanted} appears {len(found)} times; give the entries a name and use that.")
    else:
        item.fail("depends_on", f"{wanted} is not among the entries: {', '.join(sorted(names))}.")
    return None


def _method_failures(entry: Entry, spec: ApiSpec) -> Iterable[Failure]:
    try:
        spec.method(entry.resource, entry.method)
    except UnknownMethod as error:
        yield Failure(f"resources.{entry.index}.resource", str(error))
    except SpecError as error:
        message = f"The mapping of {entry.resource} {entry.method} is not valid: {error}"
        yield Failure(f"resources.{entry.index}.resource", message)


def _placeholder_failures(entry: Entry) -> Iterable[Failure]:
    for placeholder in located(entry.request_parts, f"resources.{entry.index}"):
        yield from (Failure(placeholder.location, fault) for fault in placeholder.faults())
        for root in sorted({path.split(".")[0] for path in placeholder.paths} - set(ROOTS)):
            message = f"{root} is not known to placeholders, which begin with: {', '.join(ROOTS)}."
            yield Failure(placeholder.location, message)


def _cycles(entries: tuple[Entry, ...]) -> Iterable[Failure]:
    """A failure for each ring of entries that wait for one another. Each entry is walked once."""
    by_name = {entry.name: entry for entry in entries}
    cleared: set[str] = set()
    for entry in entries:
        chain: dict[str, int] = {}
        at: Entry | None = entry
        while at is not None and at.name not in cleared and at.name not in chain:
            chain[at.name] = at.index
            at = by_name.get(at.parent or "")
        if at is not None and at.name in chain:
            ring = list(chain)[list(chain).index(at.name) :]
            yield Failure(f"resources.{at.index}.depends_on", f"is a cycle: {' → '.join([*ring, at.name])}.")
        cleared.update(chain)
