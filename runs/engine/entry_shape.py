"""The shape of an item of `resources`: what can be said of it without the others and without what the source offers."""

from __future__ import annotations

from typing import Any

from runs.connectors import LONGEST_METHOD, LONGEST_RESOURCE, ApiSpec, Expression
from runs.engine.entry import Entry
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
from runs.errors import Failure

TEXTS = ("name", "depends_on")
NEEDS_ID = "get"


class RawEntry:
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
