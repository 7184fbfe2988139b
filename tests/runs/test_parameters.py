"""The query of an address: what is read of it, and what becomes of it when something changes."""

from __future__ import annotations

from django.http import QueryDict

from runs.lookups import parse_text
from runs.parameters import changed_query, read_parameters

PARSERS = {"count": int, "q": parse_text}


def test_what_is_known_is_read_without_the_spaces_around_it() -> None:
    assert read_parameters(QueryDict("count=+3+&other=4&q=+"), PARSERS) == ({"count": 3}, {})


def test_what_cannot_be_read_is_told_and_has_no_value() -> None:
    values, errors = read_parameters(QueryDict("q=a%00b&count=2"), PARSERS)
    assert values == {"count": 2}
    assert errors == {"q": "'a\\x00b' must not contain NUL characters"}


def test_what_is_told_of_a_long_value_is_its_beginning() -> None:
    _, errors = read_parameters(QueryDict("q=" + "x" * 5000 + "%00"), PARSERS)
    assert len(errors["q"]) < 200


def test_a_change_leaves_the_other_parameters_as_they_are() -> None:
    query = changed_query(QueryDict("a=1&a=2&b=3&c=4"), {"b": None, "c": ["5", 6], "d": 7})
    assert QueryDict(query) == QueryDict("a=1&a=2&c=5&c=6&d=7")
