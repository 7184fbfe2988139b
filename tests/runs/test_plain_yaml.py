"""YAML as JSON has it: what is read, what is refused and in which line, and that what is written reads back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runs import plain_yaml
from runs.plain_yaml import NotPlain
from runs.storable import storage_failures

TEXTS = st.text(max_size=40) | st.text("\n\t -:#'\"|>{}[],&*!%@`\\0123456789.eEonyNtrue\u2028\x85", max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))


@given(VALUES)
@settings(max_examples=400, deadline=None)
def test_what_is_written_reads_back_as_the_same(value: Any) -> None:
    if not storage_failures(value):
        assert plain_yaml.parse(plain_yaml.dump(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: no", {"on": "no"}),
        ("1: 007", {"1": "007"}),
        ("at: 12:30", {"at": "12:30"}),
        ("day: 2026-11-26", {"day": "2026-11-26"}),
        ("- 1e3\n- .5\n- -2\n- 1_000", [1000.0, 0.5, -2, "1_000"]),
        ("- ~\n- null\n-\n- Null", [None] * 4),
        ("- true\n- False\n- yes", [True, False, "yes"]),
        ('{"a":\t"\\ud83d\\ude00"}', {"a": "😀"}),
        ("base: &b {x: 1, y: 1}\nmore: {<<: *b, x: 2}", {"base": {"x": 1, "y": 1}, "more": {"x": 2, "y": 1}}),
        ("deep: {in: &m {<<: &b {x: 1}, x: 2}}\ntop: {<<: *m}", {"deep": {"in": {"x": 2}}, "top": {"x": 2}}),
        ("", None),
    ],
)  # fmt: skip
def test_values_are_those_of_the_core_schema(text: str, value: Any) -> None:
    assert plain_yaml.parse(text) == value


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: 1\nb: 2\na: 3", "a is there twice", 3),
        ('{"a": 1,\n "a": 2}', "a is there twice", 2),
        ("query:\n  id: {{args.id}}", "a placeholder needs quotes", 2),
        ("a: !!python/object/apply:os.system [ls]", "is not known here", 1),
        ("a: !!timestamp 2026-11-26", "is not known here", 1),
        ("a: !!bool maybe", "not what its tag says", None),
        ("a: !!map b", "an object was expected", 1),
        ("a: !!seq b", "a list was expected", 1),
        ("a: !!int [1]", "a single value was expected", 1),
        ("a:\n  - &x [*x]", "holds itself", 2),
        ("a: b: c", "mapping values are not allowed", 1),
        ("--- 1\n--- 2", "another document", 2),
        ("a: \x00", "special characters", None),
        ("[" * 200_000, "nested deeper", 1),
        ("- " * 200, "nested deeper", 1),
        ("{\"a\":" * 500 + "1" + "}" * 500, "nested deeper", None),
        ("\n".join(["- &a0 [x]", *(f"- &a{n + 1} [*a{n}]" for n in range(2000))]), "nested deeper", 100),
        ("- a\n" * 150_000, "more than 100,000 values", 100_000),
        (f"a: &a [{'x,' * 100}]\nb: &b [{'*a,' * 100}]\nc: [{'*b,' * 100}]", "aliases", 3),
        ("x" * 1_000_001, "larger", None),
        ("- " + "9" * 5000, "tag says", None),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused_with_its_line(text: str, message: str, line: int | None) -> None:
    with pytest.raises(NotPlain, match=message) as caught:
        plain_yaml.parse(text)
    assert caught.value.line == line


def test_bytes_are_read_as_utf_8() -> None:
    assert plain_yaml.parse("a: é".encode()) == {"a": "é"}
    with pytest.raises(NotPlain, match="UTF-8"):
        plain_yaml.parse(b"\xff")


class TestLines:
    def test_are_those_of_names_and_items(self) -> None:
        found = plain_yaml.located("a: 1\nb:\n  - c: 1\n    d.e: 2\n")
        lines = {path: found.line_of(path) for path in ("a", "b", "b.0", "b.0.c", "b.0.d.e")}
        assert lines == {"a": 1, "b": 2, "b.0": 3, "b.0.c": 3, "b.0.d.e": 4}

    def test_of_what_is_missing_are_those_around_it(self) -> None:
        found = plain_yaml.located("a: 1\nb:\n  - c: 1\n")
        assert [found.line_of(path) for path in ("b.0.depends_on", "b.7", "nothing", "")] == [3, 2, None, None]

    def test_of_json_are_told_too(self) -> None:
        assert plain_yaml.located('{"a": 1,\n "b": [\n  {"c": 1}]}').line_of("b.0.c") == 3

    def test_of_json_that_is_no_yaml_are_not(self) -> None:
        assert plain_yaml.located('{\n\t"a": 1}').line_of("a") is None


@pytest.mark.parametrize(
    "text", ["on", "12:30", "1e3", "007", "2026-11-26", "~", "", " a", "a\nb\n", "{{args.x}}", "=", "<<"]
)
def test_texts_that_look_like_something_else_stay_texts_for_any_reader_of_yaml(text: str) -> None:
    assert yaml.safe_load(plain_yaml.dump({text: text})) == {text: text}
