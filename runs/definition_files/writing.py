"""Definitions written as files: the same objects are the same bytes, whatever database they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.utils.text import slugify

from runs import plain_yaml
from runs.definition_files.kinds import FORMAT, Kind

WEBHOOKS = "webhooks"
LONGEST_FILE = 80
_SECRETS = """\
# Secrets are not exported. Each stands in a variable of the environment in which this is applied; one that is not set
# leaves what is stored as it is.
"""


class Writable(Protocol):
    """An object as a file has it."""

    @property
    def kind(self) -> Kind: ...
    @property
    def title(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def secrets(self) -> Mapping[str, str]: ...
    @property
    def integration(self) -> str | None: ...


def document(objects: Sequence[Writable]) -> str:
    """One file of these objects, section by section; above them, the variables that it refers to."""
    sections = {kind.value: [dict(one.values) for one in objects if one.kind is kind] for kind in Kind}
    given = {name: values for name, values in sections.items() if values}
    return _head(objects) + plain_yaml.dump({"syncdeck": FORMAT, **given})


def files_of(objects: Sequence[Writable]) -> dict[str, str]:
    """A file for each integration with all that belongs to it, and one for the webhooks: their texts by name."""
    groups: dict[str | None, list[Writable]] = {}
    for one in objects:
        groups.setdefault(one.integration, []).append(one)
    found: dict[str, str] = {}
    for integration, members in groups.items():
        name = WEBHOOKS if integration is None else slugify(integration)[:LONGEST_FILE] or "integration"
        found[_free(name, found)] = document(members)
    return found


def _free(name: str, taken: Mapping[str, str]) -> str:
    number = 1
    while (file := f"{name}.yaml" if number == 1 else f"{name}-{number}.yaml") in taken:
        number += 1
    return file


def _head(objects: Sequence[Writable]) -> str:
    """Names are of one line; a title may have anything in it."""
    lines = [
        f"#   {name}: {' '.join(one.title.split())}, {' '.join(place.split())}"
        for one in objects
        for name, place in one.secrets.items()
    ]
    plain = ["".join(letter if letter.isprintable() else "?" for letter in line) for line in dict.fromkeys(lines)]
    return "".join([_SECRETS, *(f"{line}\n" for line in plain)]) if plain else ""
