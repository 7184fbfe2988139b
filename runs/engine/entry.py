"""One of a run's resource entries, parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runs.connectors import Expression
from runs.engine.entry_options import REQUEST, Recurse


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
