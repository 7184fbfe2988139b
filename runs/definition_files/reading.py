"""Files of definitions, read and checked for their shape. Nothing behind this module handles the raw YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from runs import plain_yaml
from runs.catalog.entries import FOLDER as CATALOG
from runs.definition_files.kinds import FORMAT, Kind
from runs.errors import Failure, SyncdeckError
from runs.plain_yaml import Located, NotPlain

FOLDER = Path(__file__).parent
OF_CATALOG = "../catalog/schema.json"
_TYPES = {"string": "a text", "object": "an object", "array": "a list", "boolean": "true or false"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file: where, and what was expected. `line` counts from 1; None where none is to blame."""

    file: str
    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class FaultyFiles(SyncdeckError):
    """Files are wrong, each fault with its place. Nothing was stored."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class DefinedObject:
    """One object that a file defines, as it is written there: references are not filled yet."""

    kind: Kind
    values: Mapping[str, Any]
    index: int
    file: str
    source: Located

    @property
    def place(self) -> str:
        """Where it stands, for a sentence."""
        line = self.source.line_of(self._path)
        return self.file if line is None else f"{self.file}:{line}"

    @property
    def _path(self) -> str:
        return f"{self.kind}.{self.index}"

    def fault(self, failure: Failure) -> Fault:
        """The failure of this object as one of its file."""
        path = f"{self._path}.{failure.path}" if failure.path else self._path
        return Fault(self.file, path, failure.message, self.source.line_of(path))


def read_files(texts: Mapping[str, bytes]) -> list[DefinedObject]:
    """The objects that the files, by their names, define. Raises FaultyFiles with every fault of their shape."""
    faults: list[Fault] = []
    found: list[DefinedObject] = []
    for file, text in texts.items():
        try:
            found += _read(file, plain_yaml.located(text))
        except NotPlain as error:
            faults.append(Fault(file, "", f"This is no plain YAML: {error}.", error.line))
        except FaultyFiles as error:
            faults += error.faults
    if faults:
        raise FaultyFiles(faults)
    return found


def _read(file: str, source: Located) -> list[DefinedObject]:
    errors = sorted(_validator().iter_errors(source.value), key=lambda error: list(map(str, error.absolute_path)))
    if errors:  # names that are missing are an error each, and told together
        raise FaultyFiles(dict.fromkeys(_fault(file, source, error) for error in errors))
    return [
        DefinedObject(kind, values, index, file, source)
        for kind in Kind
        for index, values in enumerate(source.value.get(kind, ()))
    ]


def _fault(file: str, source: Located, error: ValidationError) -> Fault:
    path = ".".join(map(str, error.absolute_path))
    return Fault(file, path, _message(error), source.line_of(path))


def _message(error: ValidationError) -> str:
    """In words that tell nothing of the value: it may be a secret."""
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            return f"must be {_TYPES.get(str(wanted), wanted)}."
        case "const":
            return f"must be {FORMAT}: it is the version of the format."
        case "required" | "additionalProperties":
            return " ".join(_names(error)) or "must be an object."
        case "enum":
            return f"must be one of {', '.join(map(str, wanted))}."
        case "pattern":
            return "must be a reference to a variable, such as ${HOOK_SECRET}: a file is no place for a secret."
        case "maxLength":
            return f"must have at most {wanted} characters."
        case "oneOf":
            return "needs either tenant_id or integrated_account_id, to say which account."
    return "must not be empty."


def _names(error: ValidationError) -> Iterator[str]:
    """The names that are missing, or that nothing reads."""
    given, schema, wanted = cast("tuple[Any, Any, Any]", (error.instance, error.schema, error.validator_value))
    if error.validator == "required":
        yield f"needs {', '.join(name for name in wanted if name not in given)}."
        return
    known = schema["properties"]
    yield f"{', '.join(name for name in given if name not in known)} is not known here;"
    yield f"there are {', '.join(known)}."


@cache
def _validator() -> Draft202012Validator:
    """What the catalogue knows is for editors: what a config may say is judged by the services."""
    of_catalog = Resource.from_contents(json.loads((CATALOG / "schema.json").read_bytes()))
    known: Registry[Any] = Registry().with_resource(OF_CATALOG, of_catalog)
    return Draft202012Validator(json.loads((FOLDER / "schema.json").read_bytes()), registry=known)
