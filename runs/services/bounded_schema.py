"""JSON Schema as far as a stranger may write it: nothing is fetched, and no pattern runs without an end.

Python's `re` can't be interrupted: one pattern with nested repetitions would stop a whole process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from runs.errors import Failure

PATTERN_SECONDS = 0.2


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "string"):
        return
    try:
        if not regex.search(pattern, instance, timeout=PATTERN_SECONDS):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")
    except TimeoutError:
        yield ValidationError(f"can't be compared with {pattern!r} in {PATTERN_SECONDS} s")


BoundedValidator = extend(Draft202012Validator, {"pattern": _pattern})


def unsafe_parts(schema: dict[str, Any]) -> list[Failure]:
    """What of the schema is refused: references to elsewhere, patterns that are none, and patterns for names."""
    return [Failure(".".join(["args_schema", *path]), message) for path, message in _faults(schema, ())]


def _faults(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _faults(item, (*path, str(index)))
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        message = _fault(key, value)
        if message:
            yield (*path, key), message
        yield from _faults(value, (*path, str(key)))


def _fault(key: str, value: Any) -> str:
    """Whether the pair is a keyword that is refused. An argument of the same name has an object as its value."""
    if key == "$ref" and isinstance(value, str) and not value.startswith("#"):
        return "must refer to a part of the schema itself, beginning with #."
    if key == "pattern" and isinstance(value, str):
        return _pattern_fault(value)
    if key == "patternProperties" and isinstance(value, dict) and "type" not in value:
        return "is not supported: declare the arguments by name."
    return ""


def _pattern_fault(pattern: str) -> str:
    try:
        regex.compile(pattern)
    except regex.error as error:
        return f"is not a regular expression: {error}."
    return ""
