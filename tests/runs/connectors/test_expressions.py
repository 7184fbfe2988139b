from __future__ import annotations

import threading
from typing import Any

import pytest

from runs.connectors import Expression, ExpressionFailed

CONTACT = {"id": 7, "first": "Ada", "last": "Lovelace", "emails": [{"v": "a@x"}, {"v": "b@x"}], "nothing": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("response.id", 7),
        ("response.first & ' ' & response.last", "Ada Lovelace"),
        ("response.emails.v", ["a@x", "b@x"]),
        ("response.emails[0].v", "a@x"),
        ("response.missing", None),
        ("{'id': $string(response.id), 'gone': response.missing}", {"id": "7"}),
        ("{'null': response.nothing}", {"null": None}),
        ("$map(response.emails, function($e) { $uppercase($e.v) })", ["A@X", "B@X"]),
        ("$number(query.limit) > 5 ? 'many' : 'few'", "many"),
        ("$match(response.last, /l./i).match", ["Lo", "la"]),
        ("$replace(response.last, /L(.)v/, '$1')", "oelace"),
        ("$exists(context.region) ? context.region", None),
    ],
)
def test_evaluates(text: str, value: Any) -> None:
    assert Expression(text).evaluate({"response": CONTACT, "query": {"limit": "10"}, "context": {}}) == value


def test_gives_plain_lists() -> None:
    assert type(Expression("response.emails.v").evaluate({"response": CONTACT})) is list


@pytest.mark.parametrize("text", ["{", "response.(", "$foo := ", "'" * 3, "(" * 5000, "x" * 60_000])
def test_refuses_what_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionFailed):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "$unknown(1)",
        "1 + 'a'",
        "$number('x')",
        "($f := function($n) { $f($n + 1) + 1 }; $f(1))",
        "($f := function($n) { $f($n) }; $f(1))",
        "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', /^(a|aa)+$/).match",
        "$error('no')",
        "function($x) { $x }",
    ],
)
def test_what_goes_wrong_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(ExpressionFailed):
        Expression(text).evaluate({})


@pytest.mark.parametrize("text", ["x /* why */", "x/**/", "/* first */ x", "x\n/* why */\n"])
def test_comments_may_stand_anywhere(text: str) -> None:
    assert Expression(text).evaluate({"x": 1}) == 1


@pytest.mark.parametrize("text", ["x /* why", "/*"])
def test_a_comment_without_an_end_is_told(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="within a comment"):
        Expression(text)


def test_threads_evaluate_side_by_side() -> None:
    shared = Expression("$map(response, function($n) { $n * 2 })")
    found: dict[int, Any] = {}

    def evaluate(number: int) -> None:
        for _ in range(50):
            found[number] = shared.evaluate({"response": [number, number + 1]})

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [2 * number, 2 * number + 2] for number in range(8)}


def test_objects_of_several_fields_made_in_a_long_loop_are_no_deep_nesting() -> None:
    made = Expression("$map(response, function($n) { {'a': $n, 'b': 2} })").evaluate({"response": list(range(300))})
    assert (len(made), made[299]) == (300, {"a": 299, "b": 2})


def test_a_loop_without_an_end_is_ended_behind_an_object_of_several_fields_too() -> None:
    with pytest.raises(ExpressionFailed, match="longer than"):
        Expression("{'a': 1, 'b': [1, ($f := function($n) { $f($n) }; $f(1))]}").evaluate({})
