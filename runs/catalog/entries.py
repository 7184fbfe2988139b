"""One file of the catalogue, read and checked once. Nothing behind this module handles the raw YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from runs import plain_yaml
from runs.errors import Failure, InvalidInput
from runs.plain_yaml import NotPlain

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Credential:
    """A key of an account's context that the integration needs."""

    name: str
    label: str
    help: str
    secret: bool
    required: bool


@dataclass(frozen=True)
class CatalogEntry:
    """One integration of the catalogue, with its unified mappings and its example jobs, as the services take them."""

    name: str
    label: str
    category: str
    description: str
    links: tuple[str, ...]
    credentials: tuple[Credential, ...]
    config: Mapping[str, Any]
    mappings: tuple[Mapping[str, Any], ...]
    jobs: tuple[Mapping[str, Any], ...]

    @property
    def resources(self) -> dict[str, list[str]]:
        """The methods of each resource."""
        return {name: list(methods) for name, methods in self.config["resources"].items()}

    @property
    def unified(self) -> dict[str, list[str]]:
        """The methods of each unified resource: `crm/contacts`."""
        methods: dict[str, list[str]] = {}
        for mapping in self.mappings:
            methods.setdefault(f"{mapping['model']}/{mapping['resource']}", []).append(mapping["method"])
        return methods


@cache
def catalog() -> dict[str, CatalogEntry]:
    """The entries that come with Syncdeck, by name."""
    entries = [parse_entry(path.read_bytes()) for path in sorted(FOLDER.glob("*.yaml"))]
    return {entry.name: entry for entry in entries}


def parse_entry(text: bytes) -> CatalogEntry:
    """The entry that a YAML file describes. Raises InvalidInput with every fault of it.

    Checked by `schema.json`, which also refuses keys that nothing reads. Whether the parts fit together (methods,
    placeholders, expressions) is judged by the services when they are stored.
    """
    values = _read(text)
    errors = sorted(_validator().iter_errors(values), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise InvalidInput([Failure(".".join(map(str, error.absolute_path)), error.message) for error in errors])
    return CatalogEntry(
        name=values["name"],
        label=values["label"],
        category=values["category"],
        description=" ".join(values["description"].split()),
        links=tuple(values["links"]),
        credentials=tuple(_credential(item) for item in values["credentials"]),
        config=values["config"],
        mappings=tuple(values.get("unified_mappings", ())),
        jobs=tuple(values.get("sync_jobs", ())),
    )


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads((FOLDER / "schema.json").read_bytes()))


def _credential(item: Mapping[str, Any]) -> Credential:
    flags = {"secret": item.get("secret", False), "required": item.get("required", True)}
    return Credential(item["name"], item["label"], item.get("help", ""), **flags)


def _read(text: bytes) -> Any:
    try:
        return plain_yaml.parse(text)
    except NotPlain as error:
        line = "" if error.line is None else f" (line {error.line})"
        raise InvalidInput([Failure("", f"The file is no plain YAML: {error}{line}")]) from error
