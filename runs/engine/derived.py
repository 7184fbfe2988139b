"""Entries that make no request: a transform works on its parent's batches, a spool collects them into one.

Both come as a `PageStream` like any other entry, so that records, checkpoint, children and errors take one way. A batch
is what one page brought; its number is the number of the binding, which a resumed run counts on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from orjson import dumps as json_bytes

from runs.connectors import Expression, ExpressionFailed, FetchedPage, RequestFailed
from runs.connectors.paths import MISSING, lookup
from runs.engine.bindings import Binding, Roots, planted, resource_paths
from runs.engine.entry import Entry
from runs.engine.entry_options import SPOOL
from runs.engine.page_stream import PageStream, Prepare, Sent
from runs.engine.staged import StagedRow, staged_batches
from runs.models import RunStep

MAX_RECORDS = 50_000  # of one batch: it is held in memory as a whole
MAX_BYTES = 32_000_000
TRANSFORM_SECONDS = 10.0

Tree = Mapping[str, Any]


def derived_stream(
    entry: Entry, parent: Entry, parent_step: RunStep, roots: Roots, start: int, prepare: Prepare
) -> PageStream:
    """The entry's batches from number `start` on, worked out of what its parent has staged."""

    def work(binding: Binding, cursor: dict[str, Any] | None, sent: Sent) -> FetchedPage:
        sent()
        return derived_page(entry, parent, binding)

    rows = staged_batches(parent_step.id, start) if entry.kind != SPOOL or start == 0 else iter(())
    drawn = _whole(rows, parent, roots) if entry.kind == SPOOL else _each(rows, parent, roots)
    return PageStream(work, drawn, cursor=None, concurrency=1, prepare=prepare)


def first_batch(trees: list[Tree], parent: Entry, roots: Roots) -> Binding:
    """The batch of a parent's first page; `trees` are what its records are staged as."""
    return _binding(0, trees, parent, roots)


def derived_page(entry: Entry, parent: Entry, binding: Binding) -> FetchedPage:
    """What the entry makes of the batch. Raises RequestFailed."""
    return FetchedPage(_records(entry, parent, binding), None, 200)


def batch_total(entry: Entry, *, pages: int, records: int) -> int:
    """How many batches the entry makes of so many pages and records of its parent."""
    return min(1, records) if entry.kind == SPOOL else pages


def _each(rows: Iterable[StagedRow], parent: Entry, roots: Roots) -> Iterator[Binding]:
    for number, batch in groupby(rows, key=attrgetter("batch")):
        yield _binding(number, [row.data for row in batch], parent, roots)


def _whole(rows: Iterable[StagedRow], parent: Entry, roots: Roots) -> Iterator[Binding]:
    trees: list[Tree] = []
    size = 0
    for row in rows:
        trees.append(row.data)
        size += len(json_bytes(row.data))
        if len(trees) > MAX_RECORDS or size > MAX_BYTES:
            yield Binding(0, {**roots, "resources": {}, "response": None})
            return
    if trees:
        yield _binding(0, trees, parent, roots)


def _binding(number: int, trees: list[Tree], parent: Entry, roots: Roots) -> Binding:
    """The batch as `response`. `resources` is what all of its records have inherited alike: what children see too."""
    paths = [path.split(".")[1:] for path in sorted(resource_paths(parent))]
    inherited = [_without(tree, paths) for tree in trees]
    shared = inherited[0] if all(tree == inherited[0] for tree in inherited) else {}
    records = [lookup(tree, ".".join(paths[0])) for tree in trees]
    response = [None if record is MISSING else record for record in records]
    return Binding(number, {**roots, "resources": shared, "response": response})


def _without(tree: Tree, paths: list[list[str]]) -> Tree:
    for path in paths:
        tree = _removed(tree, path)
    return tree


def _removed(tree: Tree, path: list[str]) -> Tree:
    key, *rest = path
    below = tree.get(key)
    kept = {name: value for name, value in tree.items() if name != key}
    if not rest or not isinstance(below, Mapping):
        return kept
    left = _removed(below, rest)
    return {**kept, key: left} if left else kept


def _records(entry: Entry, parent: Entry, binding: Binding) -> list[Any]:
    """What the entry makes of the batch. Raises RequestFailed."""
    batch = binding.roots["response"]
    if batch is None:
        size = f"{MAX_RECORDS:,} records or {MAX_BYTES // 1_000_000} MB"
        raise RequestFailed("spool_too_large", f"{parent.name} has brought more than {size}, which a spool can hold.")
    made = list(batch) if entry.expression is None else _transformed(entry.expression, parent, binding)
    if len(made) > MAX_RECORDS:
        raise RequestFailed("transform_too_large", f"The expression makes {len(made):,} records of one batch.")
    return made


def _transformed(expression: Expression, parent: Entry, binding: Binding) -> list[Any]:
    """The expression's value as records: a list as it is, null as none, anything else as one."""
    resources = dict(binding.roots["resources"])
    for path in resource_paths(parent):
        resources = planted(resources, path.split(".")[1:], binding.roots["response"])
    try:
        value = expression.evaluate({**binding.roots, "resources": resources}, TRANSFORM_SECONDS)
    except ExpressionFailed as error:
        raise RequestFailed(
            "transform_failed", f"The expression failed on page {binding.number + 1}: {error}"
        ) from error
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
