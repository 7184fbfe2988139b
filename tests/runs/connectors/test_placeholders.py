"""Placeholders: the whole grammar of contract 3.4, and what of Truto's library it rests on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import MissingValue, PlaceholderError, placeholders_in, resolve, unresolved
from runs.connectors.placeholders import filled, literal_text

ROOTS: dict[str, Any] = {
    "n": 9,
    "text": "bar",
    "empty": "",
    "nothing": None,
    "yes": True,
    "no": False,
    "list": [1, 2],
    "objects": [{"id": 7}],
    "object": {"a": 1},
    "deep": {"er": {"key-with-hyphen": "x", "in/path": "y", "two words": "z"}},
    "digits": "12x",
    "padded": " 9 ",
    "json": '{"foo": "bar"}',
    "ratio": 1.5,
    "whole": 2.0,
    "null_text": "null",
    "template": "{{n}}",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        # whole strings
        ("{{n}}", "9"),
        ("{{n:any}}", 9),
        ("{{n:str}}", "9"),
        ("{{ n : any }}", 9),
        ("{{yes}}", "true"),
        ("{{list}}", "1,2"),
        ("{{object}}", "[object Object]"),
        ("{{list:any}}", [1, 2]),
        ("{{object:json}}", {"a": 1}),
        ("{{json:json}}", {"foo": "bar"}),
        ("{{text:json}}", "bar"),
        ("{{n:json}}", 9),
        ("{{digits:int}}", 12),
        ("{{padded:int}}", 9),
        ("{{ratio:int}}", 1),
        ("{{ratio:num}}", 1.5),
        ("{{whole:num}}", 2),
        ("{{digits:num}}", 12),
        ("{{text:int}}", "bar"),
        ("{{text:num}}", "bar"),
        ("{{padded:any}}", "9"),
        ("{{padded}}", " 9 "),
        ("{{yes:bool}}", True),
        ("{{text:bool}}", "bar"),
        ("{{null_text:null}}", None),
        ("{{text:null}}", "bar"),
        ("{{nothing}}", None),
        ("{{n:undefined}}", 9),
        ("{{n:ignore-empty-str}}", 9),
        # paths
        ("{{objects.0.id:any}}", 7),
        ("{{list.1:any}}", 2),
        ("{{deep.er.key-with-hyphen}}", "x"),
        ("{{deep.er.in/path}}", "y"),
        ("{{deep.er.two words}}", "z"),
        # inside text
        ("a {{text}} b", "a bar b"),
        ("{{text}}{{n}}", "bar9"),
        ("{{yes}} {{no}} {{list}} {{object}}", "true false 1,2 [object Object]"),
        ("v={{nothing}}", "v=null"),
        ("v={{ratio}}/{{whole}}", "v=1.5/2"),
        ("v={{n:int}}", "v=9"),
        ("v={{json:json}}", 'v={"foo": "bar"}'),
        ("{{{n}}}", "{9}"),
        # missing
        ("{{gone}}", "{{gone}}"),
        ("{{gone.deeper}}", "{{gone.deeper}}"),
        ("{{list.2}}", "{{list.2}}"),
        ("{{list.-1}}", "{{list.-1}}"),
        ("{{text.upper}}", "{{text.upper}}"),
        ("{{text.0}}", "{{text.0}}"),
        ("a {{gone}} {{n}}", "a {{gone}} 9"),
        ("{{gone:null}}", None),
        ("{{gone:int:null}}", None),
        ("a {{gone:null}}", "a null"),
        ("a{{gone:undefined}}b", "ab"),
        # alternatives
        ("{{gone|n:int}}", 9),
        ("{{n:any|text}}", 9),
        ("{{gone:str:null|away:str}}", None),
        ("{{nothing|n}}", None),
        ("{{empty|text}}", ""),
        ("{{empty|text:ignore-empty-str}}", "bar"),
        ("{{empty:ignore-empty-str}}", "{{empty:ignore-empty-str}}"),
        # defaults
        ("{{gone?:d}}", "d"),
        ("{{text?:d}}", "bar"),
        ("{{gone?:5:int}}", 5),
        ("{{gone?:true:bool}}", True),
        ("{{gone|away?:1.5:num}}", 1.5),
        ("x{{gone?:d}}y", "xdy"),
        ("{{gone:null?:d}}", "d"),
        ("{{gone?:2020-01-01T00:00:00.000Z}}", "2020-01-01T00:00:00.000Z"),
        ("{{gone?:https://a.example/b}}", "https://a.example/b"),
        ("{{gone?:}}", "{{gone?:}}"),
    ],
)
def test_a_placeholder_resolves(template: str, expected: Any) -> None:
    result = resolve(template, ROOTS)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "foo",
            "{foo}",
            "{{foo}",
            "{{7*7}}",
            "{{list[0]}}",
            "{{a.*}}",
            "{{}}",
            "{{ }}",
            "{{.}}",
            "{{a..b}}",
            "{{a|}}",
        ],
        *["{{größe}}", "{{__import__('os')}}", "{{a?b}}", "{% n %}", "${n}"],
    ],
)
def test_text_that_the_grammar_does_not_match_stays(text: str) -> None:
    assert resolve(text, ROOTS) == text
    assert placeholders_in(text) == []


@pytest.mark.parametrize("template", ["{{text.__class__}}", "{{object.__class__.__name__}}", "{{list.append}}"])
def test_attributes_are_out_of_reach(template: str) -> None:
    assert resolve(template, ROOTS) == template


def test_a_value_that_looks_like_a_placeholder_is_not_resolved_again() -> None:
    assert resolve("{{template}} and {{template}}", ROOTS) == "{{n}} and {{n}}"


def test_objects_and_lists_are_resolved_at_any_depth() -> None:
    value = {"a": ["{{n:any}}", {"b": "{{text}}"}], "c": 1, "d": None, "{{n}}": True}

    assert resolve(value, ROOTS) == {"a": [9, {"b": "bar"}], "c": 1, "d": None, "{{n}}": True}


def test_undefined_drops_the_key_and_the_element() -> None:
    value = {"a": "{{gone:undefined}}", "b": ["{{gone:undefined}}", "{{n}}"], "c": {"d": "{{gone:undefined}}"}}

    assert resolve(value, ROOTS) == {"b": ["9"], "c": {}}
    assert resolve("{{gone:undefined}}", ROOTS) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"since": "{{date}}"}, {}),
        ({"q": "updated>{{date}}"}, {}),
        ({"q": "{{date}}..{{n}}"}, {}),
        ({"q": "{{date}} {{gone}}"}, {"q": "{{date}} {{gone}}"}),
        ({"q": "{{date}} {{gone:undefined}}"}, {}),
        ({"q": ["{{date}}", "{{n}}"]}, {"q": ["9"]}),
        ({"since": "{{date?:never}}"}, {"since": "never"}),
        ({"since": "{{date:null}}"}, {"since": None}),
        ({"since": "{{gone|date}}"}, {}),
        ({"other": "{{gone}}"}, {"other": "{{gone}}"}),
    ],
)
def test_a_value_that_lacks_a_droppable_path_only_is_dropped(value: Any, expected: Any) -> None:
    assert resolve(value, ROOTS, droppable=frozenset({"date"})) == expected


def test_a_droppable_path_that_has_a_value_is_used() -> None:
    assert resolve({"since": ">{{date}}"}, {"date": "D"}, droppable=frozenset({"date"})) == {"since": ">D"}


def test_every_unknown_type_is_listed_with_its_place() -> None:
    with pytest.raises(PlaceholderError) as caught:
        placeholders_in({"query": [{"a": "{{x:foo}}"}], "id": "{{y?:d:bar}} {{z:int:baz}}"})

    assert [path for path, _ in caught.value.failures] == ["query.0.a", "id", "id"]
    assert "'foo'" in caught.value.failures[0][1]
    assert "str, int, num, bool, json" in caught.value.failures[0][1]


def test_an_unknown_type_is_not_resolved() -> None:
    with pytest.raises(PlaceholderError, match="unknown type 'foo'"):
        resolve("{{n:foo}}", ROOTS)


def test_placeholders_are_found_with_their_paths_types_and_place() -> None:
    [placeholder] = placeholders_in({"query": {"a": ["x {{args.a:int|args.b?:1:num}}"]}})

    assert placeholder.paths == ("args.a", "args.b")
    assert placeholder.types == ("int", "num")
    assert placeholder.default == "1"
    assert placeholder.location == "query.a.0"


def test_unresolved_tells_whether_placeholders_are_left() -> None:
    assert unresolved("a{{gone}}")
    assert not unresolved("a{{7*7}}")
    assert not unresolved(9)


def test_filled_encodes_each_value_and_leaves_the_text_between() -> None:
    assert filled("/a/{{text}}/{{n}}", ROOTS, lambda value: f"<{value}>") == "/a/<bar>/<9>"
    assert filled("a{{gone:undefined}}b", ROOTS) == "ab"
    assert literal_text("/a/{{text}}/b") == "/a//b"


@pytest.mark.parametrize("template", ["{{gone}}", "{{nothing}}", "{{empty}}", "x{{gone:null}}"])
def test_filled_refuses_a_missing_value(template: str) -> None:
    with pytest.raises(MissingValue, match="has no value"):
        filled(template, ROOTS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON.filter(lambda value: not isinstance(value, str)))
def test_any_hands_every_value_over_unchanged(value: Any) -> None:
    assert resolve("{{a.b:any}}", {"a": {"b": value}}) == value


@given(st.text())
def test_text_without_braces_is_left_alone(text: str) -> None:
    plain = text.replace("{", "")
    assert resolve(plain, ROOTS) == plain


@given(st.text(), st.sampled_from(["str", "any", "json", "int", "ignore-empty-str"]))
def test_what_a_value_holds_is_never_read_for_placeholders(text: str, kind: str) -> None:
    sent = f"{text}{{{{secret}}}}{text}"
    found = resolve({"whole": f"{{{{a:{kind}}}}}", "within": "<{{a}}>"}, {"a": sent, "secret": "s3cr3t"})
    assert "s3cr3t" not in json.dumps(found)


@given(st.text(alphabet="{}|?:.,- abj1") | st.from_regex(r"\{\{[\w.|?: -]{0,30}\}\}", fullmatch=True))
def test_no_template_breaks_the_reading(template: str) -> None:
    try:
        resolve(template, {"a": {"b": 1}})
    except PlaceholderError as error:
        assert str(error)


@given(JSON)
def test_every_value_can_stand_inside_text(value: Any) -> None:
    assert resolve("<{{a}}>", {"a": value}).startswith("<")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-7"),
        (0.00001, "0.00001"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        (2**64 + 1, "18446744073709551617"),
    ],
)
def test_numbers_become_text_as_in_javascript(number: float, text: str) -> None:
    assert resolve("{{n}}", {"n": number}) == text


def test_an_integer_of_thousands_of_digits_becomes_text() -> None:
    assert len(resolve("{{n}}", {"n": 10**5000})) == 5001


@pytest.mark.parametrize("text", ["NaN", "[" * 100_000, "9" * 5000])
def test_a_cast_that_cannot_read_the_value_leaves_it(text: str) -> None:
    assert resolve("{{t:json}}", {"t": text}) == text


def test_the_leading_number_may_be_too_long_to_read() -> None:
    assert resolve("{{t:int}}", {"t": "9" * 5000}) == "9" * 5000


def test_null_in_a_list_becomes_nothing_between_the_commas() -> None:
    assert resolve("{{l}}", {"l": [1, None, "x"]}) == "1,,x"
