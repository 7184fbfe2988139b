"""Which requests an entry makes: one, or one per parent record, per looped element, or per pair of both.

The requests of an entry are numbered in a fixed order, parents outermost. A resumed run counts on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.connectors import RequestFailed, RequestValues, placeholders_in, resolve, unresolved
from runs.engine.entry import Entry

DATE = "previous_run_date"
Roots = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Binding:
    """One request of an entry: its number, and the values that its placeholders see.

    A further one, to which a record of the entry's own led, lies `depth` levels below the first one numbered `origin`.
    """

    number: int
    roots: Roots
    origin: int | None = None
    depth: int = 0

    @property
    def first(self) -> int:
        return self.number if self.origin is None else self.origin

    def values(self, entry: Entry) -> dict[str, Any]:
        """The parts of the request with their placeholders filled."""
        parts = entry.recursed_parts if self.depth else entry.request_parts
        return dict(resolve(parts, self.roots, droppable=frozenset({DATE})))

    def request(self, entry: Entry) -> RequestValues:
        """The request with its placeholders filled. Raises RequestFailed if the id stays open."""
        values = self.values(entry)
        wanted = (entry.recursed_parts if self.depth else entry.request_parts)["id"]
        if wanted is not None and (values.get("id") in (None, "") or unresolved(values["id"])):
            raise RequestFailed("unresolved_id", f"The id {wanted} has no value here.")
        return RequestValues(id=_as_text(values.get("id")), query=values.get("query") or {}, body=values.get("body"))


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def bindings(entry: Entry, roots: Roots, parents: Iterable[tuple[int, Any]] | None, start: int) -> Iterator[Binding]:
    """The entry's bindings from number `start` on.

    Takes the roots all of them share and, for an entry with a parent, pairs of the parent record's sequence and its
    staged fields, from `first_parent(...)` on.
    """
    elements = loop_elements(entry, roots["args"])
    width = len(elements)
    for sequence, resources in parents if parents is not None else [(0, {})]:
        for offset, element in enumerate(elements):
            number = sequence * width + offset
            if number >= start:
                yield Binding(number, {**roots, "resources": resources, "args": element})


def first_parent(entry: Entry, args: Mapping[str, Any], start: int) -> int:
    """The sequence of the parent record to which binding number `start` belongs."""
    return start // max(1, len(loop_elements(entry, args)))


def request_total(entry: Entry, args: Mapping[str, Any], parents: int | None) -> int:
    """How many requests the entry makes, given the number of its parent's records (None: it has no parent)."""
    return len(loop_elements(entry, args)) * (1 if parents is None else parents)


def loop_elements(entry: Entry, args: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The arguments of each turn: once as they are, or once per element with the element in the list's place."""
    if entry.loop_on is None:
        return [args]
    path = entry.loop_on.split(".")
    return [_replaced(args, path, element) for element in looped_list(entry.loop_on, args) or []]


def looped_list(loop_on: str, args: Mapping[str, Any]) -> list[Any] | None:
    """The list that the arguments hold at the path, or None if there is none."""
    at: Any = args
    for key in loop_on.split("."):
        at = at.get(key) if isinstance(at, Mapping) else None
    return at if isinstance(at, list) else None


def _replaced(tree: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    key, *rest = path
    return {**tree, key: _replaced(tree[key], rest, value) if rest else value}


def staged_fields(parent: Entry, entries: Iterable[Entry]) -> frozenset[str] | None:
    """The top-level fields of a parent's record that entries refer to. None: the whole record.

    All entries are asked, not only the children: a grandchild may refer to its grandparent. An expression may read
    whatever it likes.
    """
    fields: set[str] = set()
    entries = list(entries)
    if any(_may_read_whole(entry, parent, entries) for entry in entries):
        return None
    for entry in entries:
        for placeholder in placeholders_in(entry.templates):
            for path in placeholder.paths:
                for prefix in resource_paths(parent):
                    if path == prefix:
                        return None
                    if path.startswith(f"{prefix}."):
                        fields.add(path[len(prefix) + 1 :].split(".")[0])
    return frozenset(fields)


def _may_read_whole(entry: Entry, parent: Entry, entries: Sequence[Entry]) -> bool:
    """Whether a transform or spool takes these records, or comes after them and reads `resources` of any kind."""
    if entry.makes_requests:
        return False
    if entry.parent == parent.name:
        return True
    reads = entry.expression is not None and "resources" in entry.expression.text
    return reads and parent.name in _ancestors(entry, entries)


def _ancestors(entry: Entry, entries: Sequence[Entry]) -> set[str]:
    parents = {other.name: other.parent for other in entries}
    found: set[str] = set()
    name = entry.parent
    while name is not None:
        found.add(name)
        name = parents[name]
    return found


def resource_paths(parent: Entry) -> set[str]:
    """The paths under which children find the parent's record: by its resource and by its alias."""
    return {"resources." + name.replace("/", ".") for name in (parent.resource, parent.name)}


def staged_data(
    parent: Entry, record: Any, fields: frozenset[str] | None, inherited: Mapping[str, Any]
) -> dict[str, Any]:
    """What children see as `resources`: the record's fields at the parent's paths, and what the parent itself saw."""
    kept = kept_fields(record, fields)
    tree: dict[str, Any] = dict(inherited)
    for path in resource_paths(parent):
        tree = planted(tree, path.split(".")[1:], kept)
    return tree


def kept_fields(record: Any, fields: frozenset[str] | None) -> Any:
    """The record with these top-level fields only; None: whole, as is what is no object."""
    if fields is None or not isinstance(record, dict):
        return record
    return {key: value for key, value in record.items() if key in fields}


def planted(tree: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The tree with the value at the path."""
    key, *rest = path
    below = tree.get(key)
    return {**tree, key: planted(below if isinstance(below, Mapping) else {}, rest, value) if rest else value}
