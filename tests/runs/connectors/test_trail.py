"""Lists that would not end by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from runs.connectors import RequestFailed
from runs.connectors.trail import MAX_PAGES, REMEMBERED, Trail


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
        Trail(at={"page": 7}, pages=MAX_PAGES).check()
    assert caught.value.code == "too_many_pages"


def test_a_source_that_ignores_the_page_number_is_noticed() -> None:
    trail = Trail().followed_by({"page": 2}, is_empty=False, content="same")

    with pytest.raises(RequestFailed) as caught:
        trail.followed_by({"page": 3}, is_empty=False, content="same")
    assert caught.value.code == "page_repeated"
