"""The definitions of an environment as files have them: without ids, and without a single secret."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from runs.definition_files.kinds import Kind
from runs.definition_files.references import OWN_SETTINGS, escaped, reference
from runs.definition_files.secrets import Path, is_secret
from runs.errors import Failure, InvalidInput
from runs.models import Environment
from runs.services.defined import key_of, rows_of, title_of, values_of_row

LONGEST_NAME = 120


@dataclass(frozen=True)
class ExportedObject:
    """An object as a file has it. `secrets`: for each name that it refers to, where; `title` is what people call it."""

    kind: Kind
    title: str
    values: Mapping[str, Any]
    secrets: Mapping[str, str]

    @property
    def integration(self) -> str | None:
        """The integration that it belongs to; a webhook belongs to none."""
        names = {Kind.INTEGRATION: "name", Kind.MAPPING: "integration", Kind.WEBHOOK: ""}
        return self.values.get(names.get(self.kind, "integration_name"))


@dataclass
class _Names:
    """The names of variables that stand for secrets, each once, and what they stand for."""

    kept: dict[str, Any] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    def given(self, kind: Kind, values: Mapping[str, Any], path: Path, value: Any) -> str:
        """A webhook's address has one name, wherever it is."""
        if path in (("target_url",), ("webhook",)):
            if value not in self.urls:
                self.urls[value] = self._new(["webhook", urlsplit(value).hostname or ""], value)
            return self.urls[value]
        return self._new([*_owner(kind, values), *path[path[0] == "config" :]], value)

    def _new(self, parts: Iterable[str], value: Any) -> str:
        plain = unicodedata.normalize("NFKD", "_".join(parts)).encode("ascii", "ignore").decode().upper()
        name = re.sub(r"[^A-Z0-9]+", "_", plain).strip("_")[:LONGEST_NAME] or "SECRET"
        name, number = f"_{name}" if name[0].isdigit() else name, 1
        while (found := name if number == 1 else f"{name}_{number}") in self.kept or found in OWN_SETTINGS:
            number += 1
        self.kept[found] = value
        return found


def exported(environment: Environment) -> list[ExportedObject]:
    """All that files can define, in an order that does not depend on the database.

    Raises InvalidInput where two objects have one name, since a file could not tell them apart.
    """
    return _exported(environment, _Names())


def kept_secrets(environment: Environment) -> dict[str, Any]:
    """What the names stand for that an export has in place of secrets: so they need not be set to apply it again."""
    names = _Names()
    _exported(environment, names, strictly=False)
    return names.kept


def _exported(environment: Environment, names: _Names, *, strictly: bool = True) -> list[ExportedObject]:
    found: list[ExportedObject] = []
    for kind in Kind:
        rows = [values_of_row(kind, row) for row in rows_of(environment, kind)]
        if strictly:
            _refuse_twins(kind, rows)
        found += [_object(kind, values, names) for values in sorted(rows, key=lambda row: key_of(kind, row))]
    return found


def _refuse_twins(kind: Kind, rows: list[dict[str, Any]]) -> None:
    """Raises InvalidInput with all that can't be told apart."""
    counted = Counter((key_of(kind, values), title_of(kind, values)) for values in rows)
    message = f"Two {kind.noun}s or more are the same to a file: rename or delete one."
    failures = [Failure(title, message) for (_, title), count in counted.items() if count > 1]
    if failures:
        raise InvalidInput(failures)


def _object(kind: Kind, values: dict[str, Any], names: _Names) -> ExportedObject:
    secrets: dict[str, str] = {}

    def written(value: Any, path: Path = ()) -> Any:
        if isinstance(value, dict):
            return {name: written(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [written(item, (*path, str(index))) for index, item in enumerate(value)]
        if is_secret(kind, path, value):
            name = names.given(kind, values, path, value)
            secrets[name] = ".".join(path)
            return reference(name)
        return escaped(value) if isinstance(value, str) else value

    told = written(values)
    return ExportedObject(kind, title_of(kind, told), told, secrets)


def _owner(kind: Kind, values: Mapping[str, Any]) -> list[str]:
    """What the names of an object's secrets begin with."""
    match kind:
        case Kind.INTEGRATION:
            return [values["name"]]
        case Kind.MAPPING:
            return list(key_of(kind, values))
        case Kind.JOB:
            return [values["integration_name"], values["label"]]
    return [values.get(name, "") for name in ("integration_name", "sync_job", "tenant_id")]
