"""Placeholders in configuration: `{{path|path2?:default:type}}` (contract 3.4).

Nothing is evaluated: a path reads keys of objects and indexes of lists. Text that the grammar does not match stays as
it is, and so does a placeholder without a value. Values that are put in are never read for placeholders again, so a
source can't reach a credential by sending `{{context.token}}` as data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from runs.connectors.casts import TYPES, as_text, cast
from runs.connectors.errors import MissingValue, PlaceholderError
from runs.connectors.paths import MISSING, lookup

_PLACEHOLDER = re.compile(r"(\{\{[\w\-./|:?\s]+\}\})", re.ASCII)
_PATH = re.compile(r"[\w\-/ ]+(\.[\w\-/ ]+)*", re.ASCII)
_BEFORE_TYPE = re.compile(r":(?=[\w\s])", re.ASCII)
# The type of a default begins with a letter, so that a time of day needs no quoting: `?:2020-01-01T00:00:00Z`.
_BEFORE_DEFAULT_TYPE = re.compile(r":(?=\s*[A-Za-z])")
_DROPPED: Final = object()

Roots = Mapping[str, Any]


@dataclass(frozen=True)
class Alternative:
    """One path of a placeholder, with the casts and flags behind it."""

    path: str
    types: tuple[str, ...]

    @property
    def cast(self) -> str:
        return self.types[0] if self.types else "str"


@dataclass(frozen=True)
class Placeholder:
    """A parsed placeholder. `location` is its place in the value it was found in: `query.filter.0`."""

    text: str
    alternatives: tuple[Alternative, ...]
    default: str
    default_types: tuple[str, ...]
    location: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(alternative.path for alternative in self.alternatives)

    @property
    def types(self) -> tuple[str, ...]:
        """All types and flags, of the alternatives and of the default."""
        return tuple(name for alternative in self.alternatives for name in alternative.types) + self.default_types

    def has_flag(self, flag: str) -> bool:
        """Flags hold for the whole placeholder, whichever alternative carries them."""
        return any(flag in alternative.types for alternative in self.alternatives)

    def faults(self) -> Iterator[str]:
        """A sentence for each of its types that is unknown."""
        for name in dict.fromkeys(self.types):
            if name not in TYPES:
                yield f"{_short(self.text)} has the unknown type {_short(name)!r}; known are: {', '.join(TYPES)}."

    def found(self, roots: Roots) -> tuple[Any, str]:
        """The first value that is there, and the cast that it asks for; else the default; else MISSING."""
        ignore_empty = self.has_flag("ignore-empty-str")
        for alternative in self.alternatives:
            value = lookup(roots, alternative.path)
            if value is not MISSING and not (ignore_empty and value == ""):
                return value, alternative.cast
        if self.default:
            return self.default, self.default_types[0] if self.default_types else "str"
        return MISSING, "any"


def resolve(value: Any, roots: Roots, *, droppable: frozenset[str] = frozenset()) -> Any:
    """The value with its placeholders filled, in objects, lists and texts at any depth.

    A value whose only missing placeholders have one of the `droppable` paths is left out of its object or list, as is
    one that is `undefined`; None stands for it at the top. Raises PlaceholderError for an unknown type.
    """
    result = _resolved(value, roots, droppable)
    return None if result is _DROPPED else result


def _resolved(value: Any, roots: Roots, droppable: frozenset[str]) -> Any:
    if isinstance(value, str):
        return _resolved_text(value, roots, droppable)
    if isinstance(value, Mapping):
        pairs = [(key, _resolved(item, roots, droppable)) for key, item in value.items()]
        return {key: item for key, item in pairs if item is not _DROPPED}
    if isinstance(value, list):
        items = [_resolved(item, roots, droppable) for item in value]
        return [item for item in items if item is not _DROPPED]
    return value


def _resolved_text(text: str, roots: Roots, droppable: frozenset[str]) -> Any:
    parts = _checked_parts(text)
    if len(parts) == 1 and isinstance(parts[0], Placeholder):
        return _whole(parts[0], roots, droppable)
    filled = [part if isinstance(part, str) else _inside_text(part, roots) for part in parts]
    open_parts = [part for part, text_part in zip(parts, filled, strict=True) if text_part is None]
    if open_parts and all(_is_droppable(part, droppable) for part in open_parts):
        return _DROPPED
    return "".join(_own_text(part) if found is None else found for part, found in zip(parts, filled, strict=True))


def _whole(placeholder: Placeholder, roots: Roots, droppable: frozenset[str]) -> Any:
    value, type_name = placeholder.found(roots)
    if value is not MISSING:
        return cast(value, type_name)
    if placeholder.has_flag("undefined"):
        return _DROPPED
    if placeholder.has_flag("null"):
        return None
    return _DROPPED if _is_droppable(placeholder, droppable) else placeholder.text


def _inside_text(placeholder: Placeholder, roots: Roots) -> str | None:
    """What stands in a longer text for the placeholder; None if it has no value."""
    value, _ = placeholder.found(roots)
    if value is not MISSING:
        return as_text(value)
    if placeholder.has_flag("undefined"):
        return ""
    return "null" if placeholder.has_flag("null") else None


def _is_droppable(part: str | Placeholder, droppable: frozenset[str]) -> bool:
    return isinstance(part, Placeholder) and not droppable.isdisjoint(part.paths)


def _own_text(part: str | Placeholder) -> str:
    return part if isinstance(part, str) else part.text


def filled(text: str, roots: Roots, encode: Callable[[str], str] = str) -> str:
    """The text with every placeholder filled, each value as text and passed through `encode`.

    Raises MissingValue if one has no value, null or an empty text and is not `undefined`; PlaceholderError for an
    unknown type.
    """
    return "".join(part if isinstance(part, str) else _needed(part, roots, encode) for part in _checked_parts(text))


def _needed(placeholder: Placeholder, roots: Roots, encode: Callable[[str], str]) -> str:
    value, _ = placeholder.found(roots)
    if value is MISSING or value is None or value == "":
        if placeholder.has_flag("undefined"):
            return ""
        raise MissingValue(placeholder.text)
    return encode(as_text(value))


def unresolved(value: Any) -> bool:
    """Whether a text still holds placeholders."""
    return isinstance(value, str) and any(isinstance(part, Placeholder) for part in _parts(value))


def literal_text(text: str) -> str:
    """The text without its placeholders."""
    return "".join(part for part in _parts(text) if isinstance(part, str))


def placeholders_in(value: Any) -> list[Placeholder]:
    """Every placeholder in the value, with its location. Raises PlaceholderError that lists all unknown types."""
    found = list(located(value))
    failures = [(placeholder.location, fault) for placeholder in found for fault in placeholder.faults()]
    if failures:
        raise PlaceholderError(failures)
    return found


def located(value: Any, location: str = "") -> Iterator[Placeholder]:
    """Every placeholder in the value, with its location, whether its types are known or not."""
    if isinstance(value, str):
        yield from (replace(part, location=location) for part in _parts(value) if isinstance(part, Placeholder))
    elif isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from located(item, f"{location}.{key}" if location else str(key))


def _checked_parts(text: str) -> tuple[str | Placeholder, ...]:
    parts = _parts(text)
    faults = [fault for part in parts if isinstance(part, Placeholder) for fault in part.faults()]
    if faults:
        raise PlaceholderError([("", fault) for fault in faults])
    return parts


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[str | Placeholder, ...]:
    pieces = [piece for piece in _PLACEHOLDER.split(text) if piece]
    return tuple(_parsed(piece) or piece for piece in pieces)


def _parsed(piece: str) -> Placeholder | None:
    """The placeholder that the piece is, or None if the grammar does not match it."""
    if not _PLACEHOLDER.fullmatch(piece):
        return None
    paths, _, default = piece[2:-2].partition("?:")
    alternatives = tuple(_alternative(part) for part in paths.split("|"))
    if not all(_PATH.fullmatch(alternative.path) for alternative in alternatives):
        return None
    default, *default_types = _BEFORE_DEFAULT_TYPE.split(default)
    return Placeholder(piece, alternatives, default, tuple(name.strip() for name in default_types))


def _short(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _alternative(part: str) -> Alternative:
    path, *types = _BEFORE_TYPE.split(part)
    return Alternative(path.strip(), tuple(name.strip() for name in types))
