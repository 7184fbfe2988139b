"""The values of an object as a diff has them: references as they are written, and nothing of what is secret."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from runs.connectors import MASK
from runs.definition_files.kinds import Kind
from runs.definition_files.references import refers
from runs.definition_files.secrets import Path, is_secret

BEFORE = f"{MASK} (before)"


@dataclass(frozen=True)
class Shown:
    """Of one object. `written` is what the file says of the same value, `hidden` are the texts that references stand
    for, which are not shown wherever they are."""

    kind: Kind
    hidden: Collection[str]

    def after(self, value: Any, written: Any, path: Path = ()) -> Any:
        """What it says from now on."""
        if isinstance(value, dict):
            return {name: self.after(item, _part(written, name), (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.after(item, _part(written, at), (*path, str(at))) for at, item in enumerate(value)]
        return written if refers(written) else MASK if self._is_hidden(path, value) else value

    def before(self, value: Any, after: Any, written: Any, path: Path = ()) -> Any:
        """What it has said so far; `after` is what it says from now on. That a secret changes is seen."""
        if isinstance(value, dict):
            parts = {name: (item, _part(after, name), _part(written, name)) for name, item in value.items()}
            return {name: self.before(*part, (*path, name)) for name, part in parts.items()}
        if isinstance(value, list):
            return [
                self.before(x, _part(after, at), _part(written, at), (*path, str(at))) for at, x in enumerate(value)
            ]
        if value == after and type(value) is type(after):
            return self.after(value, written, path)
        return BEFORE if refers(written) or self._is_hidden(path, value) else value

    def _is_hidden(self, path: Path, value: Any) -> bool:
        stood = isinstance(value, str) and any(text in value for text in self.hidden)
        return stood or is_secret(self.kind, path, value)


def _part(value: Any, name: Any) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    return value[name] if isinstance(value, list) and isinstance(name, int) and name < len(value) else None
