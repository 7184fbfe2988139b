"""Lists that would not end by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import RequestFailed
from runs.connectors.bounds import OF_A_RUN
from runs.connectors.trail import LONGEST_CURSOR, REMEMBERED, Trail, check_savable


def pages_until_refused(cursors: Callable[[int], str], limit: int = 200) -> tuple[int, str]:
    """How many pages are fetched of a source whose page n leads to cursor(n), and why no more."""
    cursor = None
    for number in range(limit):
        trail = Trail.of(cursor)
        try:
            trail.check()
        except RequestFailed as error:
            return number, error.code
        following = trail.followed_by({"cursor": cursors(number)}, is_empty=False, content="")
        cursor = json.loads(json.dumps(following.as_cursor()))
    raise AssertionError("The list did not end.")


@pytest.mark.parametrize(
    ("ring", "pages"),
    [("A", 2), ("AB", 3), ("ABC", 4), ("".join(chr(1000 + n) for n in range(REMEMBERED)), REMEMBERED + 1)],
)
def test_a_ring_of_cursors_ends_as_soon_as_it_closes(ring: str, pages: int) -> None:
    assert pages_until_refused(lambda number: ring[number % len(ring)]) == (pages, "cursor_repeated")


def test_what_a_list_remembers_is_bounded() -> None:
    trail = Trail()
    for number in range(1000):
        trail = trail.followed_by({"cursor": number}, is_empty=False, content="")

    assert len(trail.seen) == REMEMBERED
    assert len(json.dumps(trail.as_cursor())) < 2000


def test_three_empty_pages_in_a_row_are_enough() -> None:
    trail = Trail()
    for number in range(3):
        trail.check()
        trail = trail.followed_by({"cursor": number}, is_empty=True, content="")

    with pytest.raises(RequestFailed, match="3 pages in a row are empty") as caught:
        trail.check()
    assert caught.value.code == "empty_pages"


def test_a_full_page_between_empty_ones_starts_the_count_again() -> None:
    trail = Trail()
    for number, is_empty in enumerate([True, True, False, True, True]):
        trail = trail.followed_by({"cursor": number}, is_empty=is_empty, content="")

    trail.check()


def test_a_list_has_a_last_page() -> None:
    with pytest.raises(RequestFailed) as caught:
        Trail(at={"page": 7}, pages=OF_A_RUN.pages).check()
    assert caught.value.code == "too_many_pages"


def test_a_source_that_ignores_the_page_number_is_noticed() -> None:
    trail = Trail().followed_by({"page": 2}, is_empty=False, content="same")

    with pytest.raises(RequestFailed) as caught:
        trail.followed_by({"page": 3}, is_empty=False, content="same")
    assert caught.value.code == "page_repeated"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain, max_size=3))
def test_a_cursor_that_passes_is_the_same_after_its_checkpoint(at: dict[str, Any]) -> None:
    trail = Trail().followed_by(at, is_empty=False, content="")
    try:
        check_savable(at)
    except RequestFailed:
        assert any("\0" in text for text in texts(at))
        return

    assert Trail.of(json.loads(json.dumps(trail.as_cursor()))) == trail


@given(st.integers(0, 30), st.integers(1, REMEMBERED))
def test_a_ring_of_cursors_is_left_as_soon_as_it_closes(before: int, length: int) -> None:
    """Pages on the way into the ring, and the ring: each is fetched once."""
    trail, fetched = Trail(), 0
    with pytest.raises(RequestFailed, match="repeats a cursor"):
        while True:
            trail.check()
            number = fetched if fetched < before else before + (fetched - before) % length
            trail = trail.followed_by({"cursor": number}, is_empty=False, content="")
            fetched += 1
    assert fetched <= before + length + 1


@given(st.lists(st.tuples(plain, st.booleans()), max_size=150))
def test_no_way_of_cursors_makes_a_trail_that_grows(way: list[tuple[Any, bool]]) -> None:
    trail = Trail()
    for at, is_empty in way:
        trail = trail.followed_by({"cursor": at}, is_empty=is_empty, content="")

    assert len(trail.seen) <= REMEMBERED
    assert len(json.dumps({**trail.as_cursor(), "at": None})) < 2_000


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "odd",
    ["a\0b", "\\\0", "\ud800", float("nan"), float("inf"), "x" * (LONGEST_CURSOR + 1), deep(100_000), {"a\0": 1}],
    ids=["nul", "backslash and nul", "surrogate", "nan", "infinity", "long", "deep", "nul in a key"],
)
def test_a_cursor_that_can_not_be_saved_is_refused(odd: Any) -> None:
    with pytest.raises(RequestFailed) as caught:
        check_savable({"cursor": odd})

    assert caught.value.code == "bad_cursor"


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "é", "\n"])
def test_a_text_that_only_looks_like_a_nul_is_a_cursor(text: str) -> None:
    check_savable({"cursor": text})


def test_a_trail_that_is_broken_tells_so_when_the_next_page_is_due() -> None:
    trail = Trail(pages=4).broken("no_cursor", "There is no cursor.\n\0\ud800")
    resumed = Trail.of(json.loads(json.dumps(trail.as_cursor())))

    with pytest.raises(RequestFailed) as caught:
        resumed.check()
    assert (caught.value.code, caught.value.message) == ("no_cursor", "There is no cursor.???")
