"""One account of a source: how much its runs ask at once, and what they do when they are told to wait."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from werkzeug import Request, Response

from runs.connectors.spec import DEFAULT_CONCURRENCY
from tests.acceptance.deck import Deck, countries_then_cities
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.runs.connectors.token_endpoint import REFRESH_TOKEN, TokenSource, context, refreshing
from tests.sources import countries_and_cities, serving

LATENCY = 0.05  # seconds
PATIENCE = 15.0
LIMITED = ("long", "short")


class FullHouse:
    """To be hung in as `source.before`: each request takes its time, and one for cities is answered only when as many
    are there as may be, or the last has come.

    So the source itself sees whether its client is ever idle: then it waits for the next request in vain. Neither its
    own speed nor the client's matters.
    """

    def __init__(self, seats: int, guests: int) -> None:
        self._seats = seats
        self._guests = guests
        self._came = self._full_at = 0
        self._arrival, self._pause = threading.Condition(), threading.Event()
        self.in_vain = 0

    def __call__(self, request: Request) -> None:
        if request.path == "/cities":
            self._be_seated()
        self._pause.wait(LATENCY)

    def _be_seated(self) -> None:
        with self._arrival:
            self._came += 1
            mine = self._came
            if self._came == self._guests or self._came - self._full_at == self._seats:
                self._full_at = self._came
                self._arrival.notify_all()
            elif not self._arrival.wait_for(lambda: self._full_at >= mine, timeout=PATIENCE):
                self.in_vain += 1
                self._full_at = max(self._full_at, mine)


class Limiting:
    """Answers the first request of some tokens with a 429, and keeps when each token asked."""

    def __init__(self, **waits: int) -> None:
        """`waits`: the seconds that a token is told to wait."""
        self._waits = waits
        self.asked: dict[str, list[float]] = {}

    def __call__(self, request: Request) -> Response | None:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        asked = self.asked.setdefault(token, [])
        asked.append(time.monotonic())
        if token in self._waits and len(asked) == 1:
            return Response("slow down", 429, {"Retry-After": str(self._waits[token])})
        return None


class Guarded:
    """Takes only tokens of its token endpoint, and takes back those given so far when one request has come."""

    def __init__(self, tokens: TokenSource, revoked_at: int) -> None:
        self._tokens = tokens
        self._revoked_at = revoked_at
        self._numbers = itertools.count(1)
        self._pause = threading.Event()

    def __call__(self, request: Request) -> Response | None:
        self._pause.wait(LATENCY)
        if request.path == "/token":
            return self._tokens.answer(request)
        if next(self._numbers) == self._revoked_at:
            self._tokens.revoke()
        return None if self._tokens.accepts(request) else Response("who are you?", 401)


def test_a_thousand_parents_keep_the_account_busy_and_never_more_than_that(any_deck: Deck) -> None:
    with serving(countries_and_cities(1000, 1)) as source:
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        house = source.before = FullHouse(seats=DEFAULT_CONCURRENCY, guests=1000)
        any_deck.daemon()
        run = any_deck.ended(any_deck.create_run(), limit=120)

    counts = {"fetched": 1000, "persisted": 1000}
    assert (run["status"], run["error_count"]) == ("completed", 0)
    assert run["resource_stats"] == {"countries": {"list": counts}, "cities": {"list": counts}}
    assert Counter(request.query["country"] for request in source.requests("/cities")).most_common(1)[0][1] == 1
    assert (source.most_in_flight, house.in_vain) == (DEFAULT_CONCURRENCY, 0)


def test_two_runs_of_an_account_on_two_daemons_ask_as_much_as_it_may_together(any_deck: Deck) -> None:
    with serving(countries_and_cities(150, 1)) as source:
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        house = source.before = FullHouse(seats=DEFAULT_CONCURRENCY, guests=300)
        runs = runs_of_two_daemons(any_deck)

    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert len({run["daemon_id"] for run in runs}) == 2
    assert len(source.requests("/cities")) == 300
    assert (source.most_in_flight, house.in_vain) == (DEFAULT_CONCURRENCY, 0)


def test_a_run_that_has_to_wait_gives_its_slot_to_others_and_goes_on_by_itself(any_deck: Deck) -> None:
    with serving(countries_and_cities(5, 2)) as source:
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        limiting = source.before = Limiting(long=120, short=3)
        any_deck.daemon(concurrency=1, INLINE_WAIT_SECONDS="1")
        long_id, short_id = (any_deck.create_run(integrated_account_id=account(any_deck, name)) for name in LIMITED)
        wait_until(lambda: len(limiting.asked) == 2, 30, "two requests that are told to wait")
        other = any_deck.ended(any_deck.create_run())
        waiting = any_deck.run(long_id)
        short = any_deck.ended(short_id)

    [told], [first, second, *_] = limiting.asked["long"], limiting.asked["short"]
    assert other["status"] == "completed"
    assert limiting.asked["t0k3n"][0] - max(told, first) < 2, "the slot is free again soon"
    assert waiting["status"] == "running"
    assert 119 < seconds_from(waiting["started_at"], waiting["rate_limited_until"]) < 130
    assert second - first > 2.9
    assert (short["status"], short["attempt"], short["rate_limited_until"]) == ("completed", 1, None)
    assert short["resource_stats"]["cities"]["list"] == {"fetched": 10, "persisted": 10}


def test_runs_on_two_daemons_ask_for_one_token_and_for_one_more_when_it_is_revoked(any_deck: Deck) -> None:
    with serving(countries_and_cities(60, 1)) as source:
        any_deck.define(countries_then_cities(source.url, authorization=refreshing(source.url)), COUNTRIES_AND_CITIES)
        tokens = TokenSource(source.url, rotates=True)
        source.before = Guarded(tokens, revoked_at=50)
        values = {"integration_name": "geo", "tenant_id": "oauth", "context": context()}
        account_id = any_deck.post("/integrated-account", values)["id"]
        runs = runs_of_two_daemons(any_deck, integrated_account_id=account_id)

    assert [(run["status"], run["error_count"]) for run in runs] == [("completed", 0)] * 2
    assert [form["refresh_token"] for form in tokens.asked] == [REFRESH_TOKEN, "refresh-1"]
    assert any_deck.rows("SELECT count(*) FROM runs_accounttoken WHERE value LIKE '%refresh%'") == [(0,)]


def runs_of_two_daemons(deck: Deck, **wishes: Any) -> list[dict[str, Any]]:
    """Two ended runs of one job and one account, each by a daemon of its own."""
    for group in deck.groups:
        deck.daemon(group)
    run_ids = [deck.create_run(daemon_group_key=group, force=True, **wishes) for group in deck.groups]
    return [deck.ended(run_id) for run_id in run_ids]


def account(deck: Deck, name: str) -> str:
    """The id of another account, whose token is its name."""
    values = {"integration_name": "geo", "tenant_id": name, "context": {"token": name}}
    account_id: str = deck.post("/integrated-account", values)["id"]
    return account_id


def seconds_from(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(seconds=1)
