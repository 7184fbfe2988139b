"""The definition of a job as a text: what is exported, imported and edited. Here alone is said how it is written.

A definition has the names of the API, so a text of it sent as JSON to `/sync-job` makes the same job. Its order and
that of an entry are fixed; further down names stand as they are stored, which on PostgreSQL is an order of its own.
What has its default is left out; what a text leaves out therefore has its default.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from runs import plain_yaml
from runs.errors import Failure
from runs.models import SyncJob
from runs.plain_yaml import Located

INTEGRATION = "integration_name"
BODY = ("args_schema", "resources")
HEAD = ("label", INTEGRATION, "default_runtime_version")
ENTRY = (
    *("name", "type", "resource", "method", "depends_on", "loop_on", "persist"),
    *("id", "query", "body", "config", "recurse", "delete_tracking"),
)
DEFAULTS: dict[str, Any] = {"default_runtime_version": None, "args_schema": {}, "resources": []}


@dataclass(frozen=True)
class DefinitionText:
    """A text that has been read: its values by name, and what is wrong with it before anything is looked up."""

    source: Located
    values: dict[str, Any]
    failures: list[Failure]

    def line_of(self, failure: Failure) -> int | None:
        """The line that the failure's path leads to, if it is in the text."""
        return self.source.line_of(failure.path)


def definition_text(job: SyncJob) -> str:
    """The whole definition."""
    return _written(job, (*HEAD, *BODY))


def comparable_text(job: SyncJob) -> str:
    """The whole definition, in one order throughout: equal texts for equal definitions, whatever order they have."""
    return plain_yaml.dump(comparable_values(job))


def body_text(job: SyncJob) -> str:
    """What is edited as a text: the arguments and the entries."""
    return _written(job, BODY)


def read_definition(text: str) -> DefinitionText:
    """A whole definition, read. Raises NotPlain."""
    return _read(text, (*HEAD, *BODY), required=("label", INTEGRATION))


def read_body(text: str) -> DefinitionText:
    """The arguments and entries, read. Raises NotPlain."""
    return _read(text, BODY)


def comparable_values(job: SyncJob) -> dict[str, Any]:
    """What `comparable_text` is a text of."""
    return _values(job, (*HEAD, *BODY), in_one_order)


def _written(job: SyncJob, names: Collection[str], inner: Callable[[Any], Any] = lambda value: value) -> str:
    return plain_yaml.dump(_values(job, names, inner))


def _values(job: SyncJob, names: Collection[str], inner: Callable[[Any], Any]) -> dict[str, Any]:
    """`inner` is applied to what lies within the definition and its entries."""
    values = {name: job.integration.name if name == INTEGRATION else getattr(job, name) for name in names}
    shown = {name: value for name, value in values.items() if value != DEFAULTS.get(name, ...)}
    return {name: _part(name, value, inner) for name, value in shown.items()}


def _part(name: str, value: Any, inner: Callable[[Any], Any]) -> Any:
    if name != "resources" or not isinstance(value, list):
        return inner(value)
    return [_entry(item, inner) if isinstance(item, dict) else item for item in value]


def _entry(item: dict[str, Any], inner: Callable[[Any], Any]) -> dict[str, Any]:
    names = [*(name for name in ENTRY if name in item), *(name for name in inner(item) if name not in ENTRY)]
    return {name: inner(item[name]) for name in names}


def in_one_order(value: Any) -> Any:
    """The value with the names of its objects in one order, whichever order a database keeps them in."""
    if isinstance(value, dict):
        return {name: in_one_order(value[name]) for name in sorted(value)}
    return [in_one_order(item) for item in value] if isinstance(value, list) else value


def _read(text: str, names: Collection[str], required: Collection[str] = ()) -> DefinitionText:
    source = plain_yaml.located(text)
    given = {} if source.value is None else source.value
    if not isinstance(given, dict):
        return DefinitionText(source, {}, [Failure("", f"A definition has the names {', '.join(names)}.")])
    failures = [Failure(name, _unknown(name, names)) for name in given if name not in names]
    missing = [name for name in required if not isinstance(given.get(name), str) or not given[name].strip()]
    failures += [Failure(name, "is required, as a text.") for name in missing]
    values = {name: DEFAULTS[name] for name in names if name in DEFAULTS}
    values |= {name: value for name, value in given.items() if name in names and value is not None}
    return DefinitionText(source, values, failures)


def _unknown(name: str, names: Collection[str]) -> str:
    if name in HEAD:
        return "has a field of its own above, and does not belong into the text."
    return f"is not known here; a definition has {', '.join(names)}."
