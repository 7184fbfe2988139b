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
    """Answers the first request of one token with a 429; keeps when it was told, and when each token asked."""

    def __init__(self, token: str, seconds: int, times: float = float("inf")) -> None:
        self._token = token
        self._seconds = seconds
        self._times = times
        self.told: list[float] = []
        self.asked: dict[str, list[float]] = {}

    def __call__(self, request: Request) -> Response | None:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.asked.setdefault(token, []).append(time.monotonic())
        if token != self._token or len(self.told) >= self._times:
            return None
        self.told.append(time.monotonic())
        return Response("slow down", 429, {"Retry-After": str(self._seconds)})


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
        daemons = [any_deck.daemon(concurrency=1) for _ in range(2)]
        runs = [any_deck.ended(run_id) for run_id in [any_deck.create_run(force=True) for _ in daemons]]

    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert len({run["daemon_id"] for run in runs}) == 2
    assert len(source.requests("/cities")) == 300
    assert (source.most_in_flight, house.in_vain) == (DEFAULT_CONCURRENCY, 0)


def test_a_run_that_has_to_wait_gives_its_slot_to_another(any_deck: Deck) -> None:
    with serving(countries_and_cities(5, 2)) as source:
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        limiting = source.before = Limiting("t0k3n", 120)
        other = {"integration_name": "geo", "tenant_id": "other", "context": {"token": "other-t0k3n"}}
        other_id = any_deck.post("/integrated-account", other)["id"]
        any_deck.daemon(concurrency=1)
        waiting_id = any_deck.create_run()
        wait_until(lambda: limiting.told, 30, "a request that is told to wait")
        run = any_deck.ended(any_deck.create_run(integrated_account_id=other_id))
        waiting = any_deck.run(waiting_id)

    assert run["status"] == "completed"
    assert min(limiting.asked["other-t0k3n"]) - limiting.told[0] < 2
    assert (waiting["status"], len(limiting.told)) == ("running", 1)
    wait = seconds_from(waiting["started_at"], waiting["rate_limited_until"])
    assert 119 < wait < 130


def test_a_run_goes_on_by_itself_when_its_wait_is_over(any_deck: Deck) -> None:
    with serving(countries_and_cities(5, 2)) as source:
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        limiting = source.before = Limiting("t0k3n", 3, times=1)
        any_deck.daemon(INLINE_WAIT_SECONDS="1")
        run_id = any_deck.create_run()
        parked = wait_until(lambda: parked_run(any_deck, run_id), 30, "a parked run")
        run = any_deck.ended(run_id)

    [told] = limiting.told
    assert seconds_from(parked["started_at"], parked["rate_limited_until"]) > 3
    assert min(moment for moment in limiting.asked["t0k3n"] if moment > told) - told > 2.9
    assert (run["status"], run["attempt"], run["rate_limited_until"]) == ("completed", 1, None)
    assert run["resource_stats"]["cities"]["list"] == {"fetched": 10, "persisted": 10}


def test_runs_on_two_daemons_ask_for_one_token_and_for_one_more_when_it_is_revoked(any_deck: Deck) -> None:
    with serving(countries_and_cities(60, 1)) as source:
        any_deck.define(countries_then_cities(source.url, authorization=refreshing(source.url)), COUNTRIES_AND_CITIES)
        tokens = TokenSource(source.url, rotates=True)
        source.before = Guarded(tokens, revoked_at=50)
        account = {"integration_name": "geo", "tenant_id": "oauth", "context": context()}
        account_id = any_deck.post("/integrated-account", account)["id"]
        daemons = [any_deck.daemon(concurrency=1) for _ in range(2)]
        wishes = {"integrated_account_id": account_id, "force": True}
        runs = [any_deck.ended(run_id) for run_id in [any_deck.create_run(**wishes) for _ in daemons]]

    assert [(run["status"], run["error_count"]) for run in runs] == [("completed", 0)] * 2
    assert [form["refresh_token"] for form in tokens.asked] == [REFRESH_TOKEN, "refresh-1"]
    assert any_deck.rows("SELECT count(*) FROM runs_accounttoken WHERE value LIKE '%refresh%'") == [(0,)]


def parked_run(deck: Deck, run_id: str) -> dict[str, Any] | None:
    run = deck.run(run_id)
    return run if run["rate_limited_until"] else None


def seconds_from(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(seconds=1)
