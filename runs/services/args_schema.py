"""A job's `args_schema`: both its shapes brought to one, arguments checked against it, and fields for a form.

The two shapes (contract 1): JSON Schema whose properties may carry a boolean `required`, which is draft 3's way of
saying it; and a flat map of argument names. Both become JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from runs.errors import Failure, InvalidInput
from runs.services.bounded_schema import BoundedValidator, unsafe_parts

TYPES = ("string", "integer", "number", "boolean", "array", "object")
KEYWORDS = ("type", "properties", "$schema", "$ref", "additionalProperties")
# The flat shape has formats of its own beside JSON Schema's types; they are texts.
TEXT_TYPES = ("date", "datetime", "uuid")


@dataclass(frozen=True)
class ArgField:
    """One argument, as a form shows it."""

    name: str
    type: str
    required: bool
    description: str
    default: Any
    choices: tuple[Any, ...]


def check_schema(schema: Any) -> None:
    """Raises InvalidInput if it is no schema in either shape."""
    if not isinstance(schema, dict):
        raise InvalidInput([Failure("args_schema", "must be an object.")])
    try:
        Draft202012Validator.check_schema(_normalised(schema))
    except SchemaError as error:
        path = ".".join(["args_schema", *map(str, error.absolute_path)])
        raise InvalidInput([Failure(path, error.message)]) from error
    failures = unsafe_parts(schema)
    if failures:
        raise InvalidInput(failures)


def with_defaults(args: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with the schema's defaults where one is not given."""
    properties = _normalised(schema).get("properties", {})
    defaults = {name: field["default"] for name, field in properties.items() if _has_default(field)}
    return {**defaults, **args}


def args_failures(args: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Failure]:
    """What is wrong with the arguments, each at its path. References outside the schema are not followed."""
    validator = BoundedValidator(_normalised(schema), registry=Registry())
    try:
        errors = sorted(validator.iter_errors(args), key=lambda error: error.json_path)
        return list(dict.fromkeys(failure for error in errors for failure in _failures(error)))
    except Unresolvable as error:
        return [Failure("args", f"can't be checked: the schema refers to {error.ref}, which is not part of it.")]
    except RecursionError:
        return [Failure("args", "can't be checked: the schema refers to itself without end.")]


def args_fields(schema: Mapping[str, Any]) -> list[ArgField]:
    """The declared arguments, in the order of the schema."""
    normal = _normalised(schema)
    required = normal.get("required", [])
    properties = normal.get("properties", {})
    return [_field(name, field, name in required) for name, field in properties.items() if isinstance(field, dict)]


def _normalised(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not schema:
        return {}
    if not _is_flat(schema):
        return _lifted(schema)
    return _lifted({"type": "object", "properties": {name: _flat_field(field) for name, field in schema.items()}})


def _is_flat(schema: Mapping[str, Any]) -> bool:
    """A map of names to objects, none of which stands where JSON Schema has a keyword of another kind."""
    has_keyword = any(key in schema and not _looks_like_field(key, schema[key]) for key in KEYWORDS)
    return not has_keyword and all(isinstance(field, dict) for field in schema.values())


def _looks_like_field(key: str, value: Any) -> bool:
    """Whether a keyword is rather the name of an argument: `properties` holds objects only, a field has a type."""
    return isinstance(value, dict) and isinstance(value.get("type"), str) and key != "$ref"


def _flat_field(field: Mapping[str, Any]) -> dict[str, Any]:
    return {**field, "type": "string"} if field.get("type") in TEXT_TYPES else dict(field)


def _lifted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with the boolean `required` of its properties moved into its own list, at every depth."""
    result = dict(schema)
    properties = result.get("properties")
    if isinstance(properties, dict):
        wanted = [
            name for name, field in properties.items() if isinstance(field, dict) and field.get("required") is True
        ]
        listed = result["required"] if isinstance(result.get("required"), list) else []
        result["properties"] = {name: _property(field) for name, field in properties.items()}
        result["required"] = [*listed, *(name for name in wanted if name not in listed)]
    if isinstance(result.get("items"), dict):
        result["items"] = _property(result["items"])
    return result


def _property(field: Any) -> Any:
    if not isinstance(field, dict):
        return field
    plain = {key: value for key, value in field.items() if not (key == "required" and isinstance(value, bool))}
    return _lifted(plain)


def _has_default(field: Any) -> bool:
    return isinstance(field, dict) and "default" in field


def _failures(error: ValidationError) -> list[Failure]:
    """The fault, or for missing arguments one fault per argument: jsonschema repeats the whole list for each."""
    path = ["args", *(str(part) for part in error.absolute_path)]
    if error.validator == "required":
        wanted, given = cast("list[str]", error.validator_value), cast("dict[str, Any]", error.instance)
        return [Failure(".".join([*path, name]), "is required.") for name in wanted if name not in given]
    return [Failure(".".join(path), _short(error.message))]


def _short(message: str, most: int = 300) -> str:
    return message if len(message) <= most else f"{message[:most]}…"


def _field(name: str, field: Mapping[str, Any], required: bool) -> ArgField:
    kinds = field.get("type", "string")
    kind = next((kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind in TYPES), "string")
    choices = field.get("enum")
    return ArgField(
        name=name,
        type=kind,
        required=required,
        description=str(field.get("description", "")),
        default=field.get("default"),
        choices=tuple(choices) if isinstance(choices, list) else (),
    )
