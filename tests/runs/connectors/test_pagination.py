"""How each pagination starts, goes on and ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import RequestFailed
from runs.connectors.faults import Section
from runs.connectors.pagination import PageView, Pagination, parse_pagination

URL = "https://api.example.com/v1/things?page=1"


def pagination(format_name: str, **config: Any) -> Pagination:
    section = Section({"format": format_name, "config": config})
    parsed = parse_pagination(section)
    assert parsed is not None and section.failures == []
    return parsed


def page(records: int = 0, body: Any = None, query: dict[str, Any] | None = None, **headers: str) -> PageView:
    return PageView(URL, query or {}, body, headers, list(range(records)))


class TestPageNumber:
    def test_it_starts_at_the_start_page_and_counts(self) -> None:
        pages = pagination("page", page_key="page", limit_key="per_page", limit=2)

        assert pages.query({}, None) == {"page": 1, "per_page": 2}
        assert pages.following(page(2), None) == {"page": 2}
        assert pages.query({}, {"page": 2}) == {"page": 2, "per_page": 2}
        assert pages.following(page(2), {"page": 2}) == {"page": 3}

    def test_it_may_start_at_zero(self) -> None:
        pages = pagination("page", page_key="p", start_page=0)

        assert pages.query({}, None) == {"p": 0}
        assert pages.query({}, pages.following(page(1), None)) == {"p": 1}

    @pytest.mark.parametrize("records", [0, 1])
    def test_it_ends_at_a_page_that_is_empty_or_shorter_than_the_limit(self, records: int) -> None:
        assert pagination("page", page_key="page", limit=2).following(page(records), {"page": 4}) is None

    def test_without_a_limit_it_ends_at_an_empty_page_only(self) -> None:
        pages = pagination("page", page_key="page")

        assert pages.following(page(1), None) == {"page": 2}
        assert pages.following(page(0), {"page": 2}) is None

    def test_a_page_longer_than_the_limit_does_not_end_it(self) -> None:
        assert pagination("page", page_key="page", limit=2).following(page(5), None) == {"page": 2}

    @pytest.mark.parametrize("own", [5, "5"])
    def test_the_limit_of_the_entrys_own_query_is_the_one_that_holds(self, own: int | str) -> None:
        pages = pagination("page", page_key="page", limit_key="per_page", limit=100)

        assert pages.query({"per_page": own}, None) == {"page": 1}
        assert pages.following(page(5, query={"per_page": own}), None) == {"page": 2}
        assert pages.following(page(4, query={"per_page": own}), None) is None


class TestOffset:
    def test_it_goes_on_after_the_records_seen(self) -> None:
        offsets = pagination("offset", offset_key="offset", limit_key="limit", limit=10)

        assert offsets.query({}, None) == {"offset": 0, "limit": 10}
        assert offsets.following(page(10), None) == {"offset": 10}
        assert offsets.following(page(12), {"offset": 10}) == {"offset": 22}
        assert offsets.query({}, {"offset": 22}) == {"offset": 22, "limit": 10}

    def test_it_ends_at_a_short_page(self) -> None:
        assert pagination("offset", offset_key="offset", limit=10).following(page(9), {"offset": 10}) is None

    def test_the_old_names_of_the_keys_are_understood(self) -> None:
        offsets = pagination("offset", offset_param="o", limit_param="l", limit=3)

        assert offsets.query({}, None) == {"o": 0, "l": 3}


class TestTokenCursor:
    def test_it_sends_the_cursor_of_the_page_before(self) -> None:
        cursors = pagination("cursor", cursor_key="after", cursor_path="meta.next", limit_key="limit", limit=5)

        assert cursors.query({}, None) == {"limit": 5}
        following = cursors.following(page(1, {"meta": {"next": "abc"}}), None)
        assert following == {"cursor": "abc"}
        assert cursors.query({}, following) == {"after": "abc", "limit": 5}

    @pytest.mark.parametrize("end", [None, "", False, 0])
    def test_it_ends_without_a_cursor(self, end: Any) -> None:
        cursors = pagination("cursor", cursor_key="after", cursor_path="next")

        assert cursors.following(page(1, {"next": end}), None) is None
        assert cursors.following(page(1, {}), None) is None

    @pytest.mark.parametrize("end", [False, None, 0])
    def test_it_ends_where_the_source_says_that_there_is_no_more(self, end: Any) -> None:
        cursors = pagination("cursor", cursor_key="after", cursor_path="next", has_next_path="more")

        assert cursors.following(page(1, {"next": "a", "more": True}), None) == {"cursor": "a"}
        assert cursors.following(page(1, {"next": "a", "more": end}), None) is None
        assert cursors.following(page(1, {"next": "a"}), None) is None

    def test_an_empty_page_with_a_cursor_goes_on(self) -> None:
        assert pagination("cursor", cursor_key="a", cursor_path="n").following(page(0, {"n": 7}), None) == {"cursor": 7}

    def test_the_cursor_may_be_a_header(self) -> None:
        cursors = pagination("cursor", cursor_key="after", cursor_header="X-Next-Cursor")

        assert cursors.following(page(1, [], **{"x-next-cursor": "abc"}), None) == {"cursor": "abc"}
        assert cursors.following(page(1, []), None) is None

    @pytest.mark.parametrize(
        ("link", "url"),
        [
            ("https://api.example.com/v1/things?page=2&x=%2F", "https://api.example.com/v1/things?page=2&x=%2F"),
            ("/v1/things?page=2", "https://api.example.com/v1/things?page=2"),
            ("?page=2", "https://api.example.com/v1/things?page=2"),
        ],
    )
    def test_a_link_is_followed_as_it_is(self, link: str, url: str) -> None:
        cursors = pagination("cursor", cursor_path="next", is_link=True)

        assert cursors.following(page(1, {"next": link}), None) == {"url": url}

    @pytest.mark.parametrize("odd", [["a"], {"a": 1}, True, 1.5])
    def test_a_cursor_that_is_no_text_or_number_is_an_error(self, odd: Any) -> None:
        with pytest.raises(RequestFailed) as caught:
            pagination("cursor", cursor_key="a", cursor_path="next").following(page(1, {"next": odd}), None)

        assert caught.value.code == "wrong_shape"


class TestLinkHeader:
    def test_it_follows_the_next_link(self) -> None:
        links = pagination("link_header", limit_key="per_page", limit=50)

        assert links.query({}, None) == {"per_page": 50}
        assert links.following(page(1, link='</v1/things?page=2>; rel="next"'), None) == {
            "url": "https://api.example.com/v1/things?page=2"
        }

    def test_it_ends_without_one(self) -> None:
        assert pagination("link_header").following(page(1, link='<x>; rel="last"'), None) is None
        assert pagination("link_header").following(page(1), None) is None


@given(total=st.integers(0, 60), limit=st.integers(1, 10), format_name=st.sampled_from(["page", "offset"]))
def test_numbered_pages_see_every_record_once_and_end(total: int, limit: int, format_name: str) -> None:
    key = "page_key" if format_name == "page" else "offset_key"
    numbered = pagination(format_name, **{key: "at", "limit_key": "n", "limit": limit})
    seen: list[int] = []
    cursor: dict[str, Any] | None = None
    for _ in range(total // limit + 2):
        query = numbered.query({}, cursor)
        start = query["at"] if format_name == "offset" else (query["at"] - 1) * limit
        records = list(range(total))[start : start + query["n"]]
        seen += records
        cursor = numbered.following(PageView(URL, query, None, {}, records), cursor)
        if cursor is None:
            break
        cursor = json.loads(json.dumps(cursor))

    assert cursor is None
    assert seen == list(range(total))
