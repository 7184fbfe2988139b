"""What is evaluated without the library comes to what the library comes to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonata import Jsonata

from runs.connectors import Expression, ExpressionFailed

NAMES = ("a", "b", "c", "response", "x y")

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False, width=32)
) | st.sampled_from(["", "Ada", "ÄÖß", "12", " a  b ", "a@x", "0x1f"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
inner_records = st.fixed_dictionaries({"a": scalars, "b": scalars}, optional={"c": values, "x y": scalars})
records = st.fixed_dictionaries({"a": scalars, "b": scalars, "response": inner_records}, optional={"c": values})

names = st.sampled_from(["a", "b", "c", "`x y`", "response"])
paths = st.sampled_from(["a", "b", "c", "response.a", "response.b", "response.`x y`"]) | st.lists(
    names, min_size=1, max_size=4
).map(".".join)
literals = st.sampled_from(["1", "-2.5", "'text'", "true", "false", "null", "''", '"12"'])
rooted = st.tuples(st.sampled_from(["$", "$$"]), paths).map(".".join)
odd = st.sampled_from(
    ["a[0]", "$map(a, function($i) { $i })", "a[]", "($v := a; $v)", "$keys(b)", "a.*", "$sum(c)", "$"]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["&", "=", "!=", "and", "or"]), inner)
    one = ["string", "number", "boolean", "not", "exists", "lowercase", "uppercase", "trim", "length"]
    two = ["contains", "substringBefore", "substringAfter"]
    return st.one_of(
        pairs.map(lambda pair: f"({pair[0]}) {pair[1]} ({pair[2]})"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]}) ? ({three[1]}) : ({three[2]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) ? ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) ?? ({two[1]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, max_size=3).map(object_of),
        st.tuples(paths, st.lists(inner, max_size=2).map(object_of)).map(".".join),
        st.tuples(st.sampled_from(one), inner).map(lambda call: f"${call[0]}({call[1]})"),
        st.tuples(st.sampled_from(two), inner, inner).map(lambda call: f"${call[0]}({call[1]}, {call[2]})"),
    )


def object_of(items: list[str]) -> str:
    return "{" + ", ".join(f"'k{number}': {item}" for number, item in enumerate(items)) + "}"


expressions = st.recursive(paths | literals | rooted | odd, larger, max_leaves=8)


def by_the_library(text: str, roots: dict[str, Any]) -> Any:
    """The value by the library alone; any fault is one."""
    try:
        value = Jsonata(text).evaluate(roots)
    except Exception:  # noqa: BLE001 - whatever it is, ours fails as well
        return ExpressionFailed
    return plain(value)


def ours(text: str, roots: dict[str, Any]) -> Any:
    try:
        return plain(Expression(text).evaluate(roots))
    except ExpressionFailed:
        return ExpressionFailed


def plain(value: Any) -> Any:
    """Comparable to the type: 1, 1.0 and true are three values."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return (type(value), value)


@settings(max_examples=400, deadline=None)
@given(expressions, records)
@example("{'id': response.id, 'gone': response.gone}", {"response": {"id": 7}})
@example("{'a': $x := 1, 'b': $x}", {})
@example("(a := 1) & $lowercase(a)", {"a": "A"})
@example("$string(c.b) & [a, null]", {"a": None, "c": [{"b": None}, {"b": 1}]})
@example("{'k0': a}.k0", {"a": [1]})
@example("'k' in a", {"a": ["k"]})
@example("response.{'k0': a}", {"response": None})
def test_a_plain_part_comes_to_what_the_library_comes_to(text: str, roots: dict[str, Any]) -> None:
    assert ours(text, roots) == by_the_library(text, roots)


MAPPING = """{"id": response.id, "name": response.first & " " & response.last, "email": $lowercase(response.email),
  "is_active": response.status = "active", "region": query.region ?? "eu", "tags": response.tags,
  "address": response.address.{"city": city, "zip": zip}, "number": $number(response.number),
  "kind": response.vip ? "vip" : "plain"}"""
CONTACT = {
    "id": 7,
    "first": "Ada",
    "last": "Lovelace",
    "email": "ADA@X",
    "status": "active",
    "tags": ["a"],
    "address": {"city": "London", "zip": "W1"},
    "number": "5",
    "vip": None,
}


def test_a_mapping_of_fields_never_reaches_the_librarys_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = Expression(MAPPING)
    monkeypatch.setattr(Jsonata, "eval", lambda *_: pytest.fail("the library was asked"))
    assert mapping.evaluate({"response": CONTACT, "query": {}, "context": {}}) == {
        "id": 7,
        "name": "Ada Lovelace",
        "email": "ada@x",
        "is_active": True,
        "region": "eu",
        "tags": ["a"],
        "address": {"city": "London", "zip": "W1"},
        "number": 5,
        "kind": "plain",
    }


def test_one_part_that_needs_the_library_does_not_cost_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    evaluate = Jsonata.eval
    monkeypatch.setattr(Jsonata, "eval", lambda own, node, *rest: asked.append(node.type) or evaluate(own, node, *rest))
    mapping = Expression("{'id': response.id, 'name': response.first & 'x', 'first': response.list[0]}")
    assert mapping.evaluate({"response": {"id": 1, "first": "A", "list": [3]}}) == {"id": 1, "name": "Ax", "first": 3}
    assert "binary" not in asked
