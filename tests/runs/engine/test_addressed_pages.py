"""Pages of one list, fetched side by side where they can be addressed: what is handed over is what comes one by one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from runs.connectors import ALL_PRIVATE_HOSTS, ApiClient, RateLimited, RequestValues, parse_integration
from runs.engine.bindings import Binding
from runs.engine.gate import Gate
from runs.engine.page_stream import PageStream, Turn
from tests.sources import Source, json_response, serving

LIMIT = 10.0  # seconds a test waits for what must come
SIZE = 10
BY_PAGE = {"page_key": "page", "limit_key": "per_page", "limit": SIZE}
BY_OFFSET = {"offset_key": "offset", "limit_key": "limit", "limit": SIZE}


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({"things": [{"id": number} for number in range(75)]}) as found:
        yield found


def turns_of(source: Source, format: str, cursor: Any = None, gate: Gate | None = None, **config: Any) -> list[Turn]:
    pagination = {"format": format, "config": config}
    method = {"path": "/things", "response_path": "data", "pagination": pagination}
    spec = parse_integration({"base_url": source.url, "resources": {"things": {"list": method}}})
    turns: list[Turn] = []
    with ApiClient(spec, {}, wait=lambda seconds: None, private=ALL_PRIVATE_HOSTS) as client:
        stream = PageStream(
            lambda binding, cursor, sent: client.fetch(
                spec.method("things", "list"), RequestValues(), cursor, on_sent=sent
            ),
            iter([Binding(0, {})]),
            cursor=cursor,
            concurrency=8,
            gate=gate,
        )
        while (batch := stream.next_batch(LIMIT)) is not None:
            assert batch, "nothing came within the limit"
            turns += batch
    return turns


def ids(turns: list[Turn]) -> list[int]:
    return [record["id"] for turn in turns if turn.page for record in turn.page.records]


def checkpoints(turns: list[Turn]) -> list[str]:
    return [json.dumps(turn.next_cursor, sort_keys=True) for turn in turns]


def pages_asked(source: Source) -> list[int]:
    return [int(served.query["page"]) for served in source.served]


class InReverse:
    """A reply that waits until all of these pages are asked for, and answers the last one first."""

    def __init__(self, first: int, last: int) -> None:
        self._last = last
        self._asked = threading.Barrier(last - first + 1, timeout=LIMIT)
        self._answered = {number: threading.Event() for number in range(first, last + 1)}

    def __call__(self, request: Request) -> None:
        number = int(request.args["page"])
        if number in self._answered:
            self._asked.wait()
            assert number == self._last or self._answered[number + 1].wait(LIMIT)
            self._answered[number].set()


def test_once_the_first_page_has_come_several_are_in_flight_and_handed_over_in_order(source: Source) -> None:
    source.before = InReverse(2, 5)
    turns = turns_of(source, "page", **BY_PAGE, concurrency=4)
    assert ids(turns) == list(range(75))
    assert source.most_in_flight == 4
    assert pages_asked(source)[0] == 1


def test_each_checkpoint_is_the_one_that_would_have_come_one_by_one(source: Source) -> None:
    alone = turns_of(source, "page", **BY_PAGE)
    source.before = InReverse(2, 4)
    beside = turns_of(source, "page", **BY_PAGE, concurrency=3)
    assert checkpoints(beside) == checkpoints(alone)
    resumed = turns_of(source, "page", json.loads(checkpoints(alone)[3]), **BY_PAGE, concurrency=3)
    assert checkpoints(resumed) == checkpoints(alone)[4:]


def test_what_lies_beyond_the_end_is_forgotten_whatever_the_source_says_there(source: Source) -> None:
    def reply(request: Request) -> Response | None:
        return Response("no such page", 404) if int(request.args["page"]) > 8 else None

    source.before = reply
    turns = turns_of(source, "page", **BY_PAGE, concurrency=4)
    assert ids(turns) == list(range(75))
    assert all(turn.error is None for turn in turns)
    assert max(pages_asked(source)) <= 11


def test_a_list_of_one_page_is_asked_for_one_page(source: Source) -> None:
    del source.tables["things"][9:]
    assert ids(turns_of(source, "page", **BY_PAGE, concurrency=4)) == list(range(9))
    assert pages_asked(source) == [1]


def test_an_error_within_the_list_ends_it_there(source: Source) -> None:
    def reply(request: Request) -> Response | None:
        return Response("forbidden", 403) if int(request.args["page"]) == 4 else None

    source.before = reply
    turns = turns_of(source, "page", **BY_PAGE, concurrency=4)
    assert [turn.error.code if turn.error else None for turn in turns] == [None, None, None, "http_403"]
    assert ids(turns) == list(range(30))


@pytest.mark.parametrize("total", [8, "8"])
def test_where_the_source_tells_the_total_nothing_is_asked_beyond_it(source: Source, total: Any) -> None:
    def reply(request: Request) -> Response:
        page = int(request.args["page"])
        return json_response({"data": source.tables["things"][(page - 1) * SIZE : page * SIZE], "pages": total})

    source.before = reply
    turns = turns_of(source, "page", **BY_PAGE, concurrency=4, total_pages_path="pages")
    assert ids(turns) == list(range(75))
    assert sorted(pages_asked(source)) == list(range(1, 9))


def test_offsets_are_addressed_too(source: Source) -> None:
    def reply(request: Request) -> Response:
        first, size = int(request.args.get("offset", 0)), int(request.args["limit"])
        return json_response({"data": source.tables["things"][first : first + size], "total": 75})

    source.before = reply
    assert ids(turns_of(source, "offset", **BY_OFFSET, concurrency=4, total_path="total")) == list(range(75))
    assert sorted(int(served.query.get("offset", 0)) for served in source.served) == list(range(0, 75, SIZE))


def test_a_wrong_guess_is_asked_again_at_the_right_place_and_none_is_made_any_more(source: Source) -> None:
    """The source sends fewer records than it is asked for, and now and then fewer still."""

    def reply(request: Request) -> Response:
        first = int(request.args.get("offset", 0))
        behind = min(first + (3 if first == 4 else 4), 75)
        return json_response({"data": source.tables["things"][first:behind], "more": behind < 75})

    source.before = reply
    turns = turns_of(source, "offset", **BY_OFFSET, concurrency=4, has_next_path="more")
    assert ids(turns) == list(range(75))
    asked = [int(served.query.get("offset", 0)) for served in source.served]
    assert len(asked) <= len(turns) + 4


def test_a_source_that_ignores_the_number_is_found_out_in_the_usual_way(source: Source) -> None:
    source.before = lambda request: json_response({"data": source.tables["things"][:SIZE]})
    alone = turns_of(source, "page", **BY_PAGE)
    beside = turns_of(source, "page", **BY_PAGE, concurrency=4)
    assert beside[-1].error is not None and beside[-1].error.code == "page_repeated"
    assert checkpoints(beside) == checkpoints(alone)


def test_a_limit_of_the_rate_ends_the_stream_behind_the_pages_before_it(source: Source) -> None:
    def reply(request: Request) -> Response | None:
        return Response("", 429, {"Retry-After": "3600"}) if int(request.args["page"]) == 4 else None

    source.before = reply
    with pytest.raises(RateLimited):
        turns_of(source, "page", **BY_PAGE, concurrency=4)


def test_the_gate_bounds_the_pages_of_a_list_as_well(source: Source) -> None:
    gate = Gate(2)
    assert ids(turns_of(source, "page", gate=gate, **BY_PAGE, concurrency=6)) == list(range(75))
    assert source.most_in_flight <= 2


def test_the_gate_is_told_how_many_pages_could_be_in_flight(source: Source) -> None:
    gate, wished = Gate(8), []
    source.before = lambda request: wished.append(gate.wanted)
    turns_of(source, "page", gate=gate, **BY_PAGE, concurrency=4)
    assert wished[0] == 1
    assert max(wished) == 4
