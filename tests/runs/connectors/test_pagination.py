"""How each pagination starts, goes on and ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import RequestFailed
from runs.connectors.faults import Section
from runs.connectors.pagination import PageView, Pagination, Parts, page_size, parse_pagination, with_page_size
from tests.runs.connectors import paging

URL = "https://api.example.com/v1/things?page=1"


def pagination(format_name: str, **config: Any) -> Pagination:
    return paging.pagination(format_name, config)


def page(records: int = 0, body: Any = None, query: dict[str, Any] | None = None, **headers: str) -> PageView:
    return PageView(URL, Parts(query or {}), body, headers, list(range(records)))


def query_of(pages: Pagination, cursor: dict[str, Any] | None = None, **asked: Any) -> Mapping[str, Any]:
    """The parameters of the page at the cursor."""
    return pages.parts(Parts(asked, url=URL), cursor).query


class TestPageNumber:
    def test_it_starts_at_the_start_page_and_counts(self) -> None:
        pages = pagination("page", page_key="page", limit_key="per_page", limit=2)

        assert query_of(pages) == {"page": 1, "per_page": 2}
        assert pages.following(page(2), None) == {"page": 2}
        assert query_of(pages, {"page": 2}) == {"page": 2, "per_page": 2}
        assert pages.following(page(2), {"page": 2}) == {"page": 3}

    def test_it_may_start_at_zero(self) -> None:
        pages = pagination("page", page_key="p", start_page=0)

        assert query_of(pages) == {"p": 0}
        assert query_of(pages, pages.following(page(1), None)) == {"p": 1}

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

        assert query_of(pages, per_page=own) == {"page": 1}
        assert pages.following(page(5, query={"per_page": own}), None) == {"page": 2}
        assert pages.following(page(4, query={"per_page": own}), None) is None

    @pytest.mark.parametrize("own", ["all", "-5", "", "1e2", [5], True])
    def test_a_limit_that_is_no_number_leaves_the_size_open(self, own: Any) -> None:
        pages = pagination("page", page_key="page", limit_key="per_page", limit=100)

        assert pages.following(page(4, query={"per_page": own}), None) == (None if own == [5] else {"page": 2})

    @pytest.mark.parametrize("total", [3, "3"])
    def test_a_number_of_pages_that_the_source_tells_decides(self, total: int | str) -> None:
        pages = pagination("page", page_key="p", start_page=0, limit=100, total_pages_path="meta.pages")

        assert pages.following(page(1, {"meta": {"pages": total}}), {"page": 1}) == {"page": 2}
        assert pages.following(page(1, {"meta": {"pages": total}}), {"page": 2}) is None
        assert pages.following(page(0, {"meta": {"pages": total}}), {"page": 1}) is None

    @pytest.mark.parametrize("more", [True, 1, "true", "yes", {"a": 1}])
    @pytest.mark.parametrize("done", [False, 0, None, "", "false", "No", "0", [], {}])
    def test_the_source_may_say_whether_there_is_more(self, more: Any, done: Any) -> None:
        pages = pagination("page", page_key="p", limit=100, has_next_path="more")

        assert pages.following(page(1, {"more": more}), None) == {"page": 2}
        assert pages.following(page(100, {"more": done}), None) is None
        assert pages.following(page(100, {}), None) is None


class TestOffset:
    def test_it_goes_on_after_the_records_seen(self) -> None:
        offsets = pagination("offset", offset_key="offset", limit_key="limit", limit=10)

        assert query_of(offsets) == {"offset": 0, "limit": 10}
        assert offsets.following(page(10), None) == {"offset": 10}
        assert offsets.following(page(12), {"offset": 10}) == {"offset": 22}
        assert query_of(offsets, {"offset": 22}) == {"offset": 22, "limit": 10}

    def test_it_ends_at_a_short_page(self) -> None:
        assert pagination("offset", offset_key="offset", limit=10).following(page(9), {"offset": 10}) is None

    def test_the_old_names_of_the_keys_are_understood(self) -> None:
        offsets = pagination("offset", offset_param="o", limit_param="l", limit=3)

        assert query_of(offsets) == {"o": 0, "l": 3}

    def test_a_total_outweighs_a_limit_that_the_source_caps(self) -> None:
        offsets = pagination("offset", offset_key="startAt", limit_key="maxResults", limit=1000, total_path="total")

        assert offsets.following(page(100, {"total": 150}), None) == {"offset": 100}
        assert offsets.following(page(50, {"total": "150"}), {"offset": 100}) is None

    @pytest.mark.parametrize("odd", [None, "many", -1, 1.5, True, [], {}, "9" * 400])
    def test_a_total_that_is_no_number_is_not_heard(self, odd: Any) -> None:
        offsets = pagination("offset", offset_key="o", limit=10, total_path="total")

        assert offsets.following(page(10, {"total": odd}), None) == {"offset": 10}
        assert offsets.following(page(9, {"total": odd}), None) is None


class TestPagesAhead:
    """Which pages behind the next one may be asked for beside it."""

    @pytest.mark.parametrize(("format_name", "key"), [("page", "page_key"), ("offset", "offset_key")])
    def test_there_are_none_unless_it_is_allowed(self, format_name: str, key: str) -> None:
        assert pagination(format_name, **{key: "at"}).ahead(page(10), None) == []

    def test_pages_are_counted_on(self) -> None:
        pages = pagination("page", page_key="page", start_page=0, concurrency=3)

        assert pages.ahead(page(10), {"page": 4}) == [{"page": 6}, {"page": 7}]

    def test_pages_end_at_the_total(self) -> None:
        pages = pagination("page", page_key="page", concurrency=8, total_pages_path="pages")

        assert pages.ahead(page(10, {"pages": 4}), None) == [{"page": 3}, {"page": 4}]
        assert pages.ahead(page(10, {"pages": 2}), None) == []

    def test_offsets_go_on_in_steps_of_what_has_come(self) -> None:
        pages = pagination("offset", offset_key="offset", limit=100, concurrency=3)

        assert pages.ahead(page(50), {"offset": 100}) == [{"offset": 200}, {"offset": 250}]

    def test_offsets_end_at_the_total(self) -> None:
        pages = pagination("offset", offset_key="offset", concurrency=8, total_path="total")

        assert pages.ahead(page(10, {"total": 31}), None) == [{"offset": 20}, {"offset": 30}]
        assert pages.ahead(page(10, {"total": 30}), None) == [{"offset": 20}]

    def test_in_a_body_they_are_the_same(self) -> None:
        pages = pagination("offset", offset_key="page.from", concurrency=2, add_to_body=True)

        assert pages.ahead(page(10), None) == [{"offset": 20}]

    @pytest.mark.parametrize("concurrency", [0, 65, "4", True])
    def test_it_is_a_number_within_bounds(self, concurrency: Any) -> None:
        section = Section({"format": "page", "config": {"page_key": "page", "concurrency": concurrency}})
        parse_pagination(section)

        assert section.failures == [("config.concurrency", "must be an integer from 1 to 64.")]


class TestTokenCursor:
    def test_it_sends_the_cursor_of_the_page_before(self) -> None:
        cursors = pagination("cursor", cursor_key="after", cursor_path="meta.next", limit_key="limit", limit=5)

        assert query_of(cursors) == {"limit": 5}
        following = cursors.following(page(1, {"meta": {"next": "abc"}}), None)
        assert following == {"cursor": "abc"}
        assert query_of(cursors, following) == {"after": "abc", "limit": 5}

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

    def test_more_without_a_cursor_is_an_error_and_not_the_end(self) -> None:
        cursors = pagination("cursor", cursor_key="after", cursor_path="next", has_next_path="more")

        with pytest.raises(RequestFailed) as caught:
            cursors.following(page(1, {"next": None, "more": True}), None)
        assert caught.value.code == "no_cursor"

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

    @pytest.mark.parametrize("link", ["https://[::1", "//[", "http://[v1.a"])
    def test_a_link_that_is_no_address_is_an_error(self, link: str) -> None:
        with pytest.raises(RequestFailed) as caught:
            pagination("cursor", cursor_path="next", is_link=True).following(page(1, {"next": link}), None)

        assert caught.value.code == "address_refused"

    def test_a_key_that_holds_dots_is_found(self) -> None:
        cursors = pagination("cursor", cursor_path="@odata.nextLink", is_link=True)

        assert cursors.following(page(1, {"@odata.nextLink": "?$skip=2"}), None) == {
            "url": "https://api.example.com/v1/things?$skip=2"
        }


class TestCursorFromTheLastRecord:
    def cursors(self, **config: Any) -> Pagination:
        values = {"cursor_key": "starting_after", "cursor_path": "id", "cursor_from": "last_record", **config}
        return pagination("cursor", **values)

    def test_the_next_page_begins_after_the_last_record(self) -> None:
        cursors = self.cursors(has_next_path="has_more", limit_key="limit", limit=100)

        following = cursors.following(self.page({"id": "a"}, {"id": "b"}, has_more=True), None)
        assert following == {"cursor": "b"}
        assert query_of(cursors, following) == {"starting_after": "b", "limit": 100}
        assert cursors.following(self.page({"id": "c"}, has_more=False), following) is None

    def test_it_ends_at_a_short_page_where_the_source_does_not_say_more(self) -> None:
        cursors = self.cursors(limit_key="limit", limit=2)

        assert cursors.following(self.page({"id": 1}, {"id": 0}), None) == {"cursor": 0}
        assert cursors.following(self.page({"id": 3}), None) is None
        assert self.cursors().following(self.page(), None) is None

    @pytest.mark.parametrize("records", [[], [{"name": "x"}], [{"id": None}], ["text"]])
    def test_more_without_an_id_is_an_error_and_not_the_end(self, records: list[Any]) -> None:
        with pytest.raises(RequestFailed) as caught:
            self.cursors(has_next_path="has_more").following(self.page(*records, has_more=True), None)

        assert caught.value.code == "no_cursor"

    def page(self, *records: Any, **body: Any) -> PageView:
        return PageView(URL, Parts(), body, {}, records)


class TestLinkHeader:
    def test_it_follows_the_next_link(self) -> None:
        links = pagination("link_header", limit_key="per_page", limit=50)

        assert query_of(links) == {"per_page": 50}
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
        query = query_of(numbered, cursor)
        start = query["at"] if format_name == "offset" else (query["at"] - 1) * limit
        records = list(range(total))[start : start + query["n"]]
        seen += records
        cursor = numbered.following(PageView(URL, Parts(query), None, {}, records), cursor)
        if cursor is None:
            break
        cursor = json.loads(json.dumps(cursor))

    assert cursor is None
    assert seen == list(range(total))


@pytest.mark.parametrize(
    ("format_name", "config"),
    [
        ("page", {"page_key": "page", "limit_key": "n"}),
        ("offset", {"offset_key": "from", "limit_key": "n"}),
        ("cursor", {"cursor_key": "c", "cursor_path": "next", "limit_key": "n"}),
        ("link_header", {"limit_key": "n"}),
        ("range", {}),
        ("page", {"page_key": "page", "limit_key": "n", "add_to_body": True}),
    ],
)
def test_a_caller_may_want_pages_of_another_size(format_name: str, config: dict[str, Any]) -> None:
    described = pagination(format_name, **config, limit=5)
    smaller = with_page_size(described, 2)
    assert (page_size(described), page_size(smaller)) == (5, 2)
    assert described.parts(Parts(), None) != smaller.parts(Parts(), None)


def test_a_source_that_is_not_told_a_size_has_none() -> None:
    assert page_size(None) is None
    assert page_size(pagination("page", page_key="page")) is None
