"""Arguments against schemas that a stranger wrote."""

from __future__ import annotations

from typing import Any

import pytest

from runs.errors import InvalidInput
from runs.services.args_schema import args_failures, args_fields, check_schema, with_defaults


def schema_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_a_pattern_without_an_end_is_given_up_and_told() -> None:
    [failure] = args_failures({"a": "a" * 60 + "!"}, schema_of(a={"type": "string", "pattern": "^(a|aa)+$"}))
    assert (failure.path, "can't be compared" in failure.message) == ("args.a", True)


@pytest.mark.parametrize(("text", "count"), [("ab-12", 0), ("ab", 1)])
def test_a_pattern_is_searched_in_the_text(text: str, count: int) -> None:
    assert len(args_failures({"a": text}, schema_of(a={"type": "string", "pattern": r"\d{2}$"}))) == count


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (schema_of(a={"$ref": "https://example.org/schema.json"}), "args_schema.properties.a.$ref"),
        (schema_of(a={"$ref": "file:///etc/passwd"}), "args_schema.properties.a.$ref"),
        (schema_of(a={"type": "string", "pattern": "("}), "args_schema.properties.a.pattern"),
        ({"type": "object", "patternProperties": {"^(a+)+$": {}}}, "args_schema.patternProperties"),
        (schema_of(a={"type": "colour"}), "args_schema.properties.a.type"),
        ([], "args_schema"),
    ],
)
def test_what_a_schema_may_not_hold_is_refused_at_its_path(schema: Any, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_schema(schema)
    assert [failure.path for failure in caught.value.failures] == [path]


def test_a_schema_that_refers_to_itself_without_end_is_a_failure() -> None:
    [failure] = args_failures({"a": 1}, schema_of(a={"$ref": "#/properties/a"}))
    assert failure.path == "args"


def test_a_reference_within_the_schema_is_followed() -> None:
    schema = {**schema_of(a={"$ref": "#/$defs/name"}), "$defs": {"name": {"type": "string"}}}
    check_schema(schema)
    assert [failure.path for failure in args_failures({"a": 1}, schema)] == ["args.a"]


@pytest.mark.parametrize("names", [("type",), ("properties",), ("pattern", "required")])
def test_arguments_may_be_named_like_keywords_in_the_flat_shape(names: tuple[str, ...]) -> None:
    schema = {name: {"type": "string", "required": True} for name in names}
    check_schema(schema)
    assert [field.name for field in args_fields(schema)] == list(names)
    assert {failure.path for failure in args_failures({}, schema)} == {f"args.{name}" for name in names}


def test_a_required_property_may_lie_deeper() -> None:
    schema = schema_of(a={"type": "object", "properties": {"b": {"type": "string", "required": True}}})
    assert [failure.path for failure in args_failures({"a": {}}, schema)] == ["args.a.b"]


def test_defaults_stand_in_for_what_is_not_given() -> None:
    assert with_defaults({"b": None}, schema_of(a={"default": 1}, b={"default": 2})) == {"a": 1, "b": None}


def test_additional_arguments_are_refused_only_where_the_schema_says_so() -> None:
    assert args_failures({"x": 1}, schema_of()) == []
    assert len(args_failures({"x": 1}, {**schema_of(), "additionalProperties": False})) == 1
