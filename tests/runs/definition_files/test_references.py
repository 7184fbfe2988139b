"""References to variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.definition_files.references import escaped, filled, refers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "a"),
        ("x ${A}${A} y", "x aa y"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("${a} ${A b} ${} $A", "${a} ${A b} ${} $A"),
        ("${N}", 7),  # what is kept in its place need not be a text
        ("n${N}", "n7"),
    ],
)
def test_texts(text: str, value: object) -> None:
    assert filled({"k": [text]}, {"A": "a", "N": 7}.get) == ({"k": [value]}, [])


def test_what_comes_in_is_not_read_again() -> None:
    assert filled("${A}", {"A": "${B}", "B": "b"}.get) == ("${B}", [])


def test_what_is_missing_is_told_with_its_place() -> None:
    _, failures = filled({"a": ["${B} ${C}"]}, {"C": "c"}.get)
    assert [(failure.path, failure.message) for failure in failures] == [
        ("a.0", "refers to B, which is not set in the environment.")
    ]


@given(st.text(alphabet="${}AZ_a09 ", max_size=30))
def test_an_escaped_text_is_itself_and_no_reference(text: str) -> None:
    assert not refers(escaped(text))
    assert filled(escaped(text), {}.get) == (text, [])
