"""What files want of an environment: their objects, with the references filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runs.connectors import MASK
from runs.definition_files.kinds import Kind
from runs.definition_files.reading import DefinedObject
from runs.definition_files.references import filled
from runs.errors import Failure
from runs.services.defined import Key, key_of

SHORTEST_HIDDEN = 4  # characters: to hide what is shorter would only tear other texts


@dataclass
class Wanted:
    """One object of a file with its references filled. `hidden`: the texts that stood for them."""

    defined: DefinedObject
    values: dict[str, Any]
    failures: list[Failure]
    hidden: set[str]

    @property
    def kind(self) -> Kind:
        return self.defined.kind

    @property
    def key(self) -> Key:
        return key_of(self.kind, self.values)

    def masked(self, text: str) -> str:
        """The text, such as what a service says of a value, without what references stand for."""
        for hidden in sorted(self.hidden, key=len, reverse=True):
            text = text.replace(hidden, MASK)
        return text


def wanted_objects(
    objects: Iterable[DefinedObject], variables: Mapping[str, str], kept: Mapping[str, Any]
) -> list[Wanted]:
    """The objects in their order. A reference stands for its variable, else for what is `kept` under its name."""
    found = []
    for defined in objects:
        hidden: set[str] = set()
        values, failures = filled(dict(defined.values), _lookup(variables, kept, hidden))
        found.append(Wanted(defined, values, failures, hidden))
    return found


def _lookup(variables: Mapping[str, str], kept: Mapping[str, Any], hidden: set[str]) -> Callable[[str], Any]:
    def lookup(name: str) -> Any:
        value = variables.get(name, kept.get(name))
        if value is not None and len(str(value)) >= SHORTEST_HIDDEN:
            hidden.add(str(value))
        return value

    return lookup
