"""What a tab that stays open costs, all requests counted: a list of fifty runs, seen, hidden, and ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.acceptance.deck import Deck
from tests.browser.conftest import pause

FIFTY = 50
NOBODY = "nobody"  # a group without a daemon: whatever these runs are said to be, they stay
RUNNING = (
    "UPDATE runs_syncjobrun SET status = 'running', started_at = created_at, attempt = 1, daemon_id = 'elsewhere',"
    f" lease_until = datetime('now', '+1 day') WHERE daemon_group_key = '{NOBODY}' AND status = 'created'"
)
STOPPED = (
    "UPDATE runs_syncjobrun SET status = 'stopped', finished_at = datetime('now'), lease_until = NULL"
    f" WHERE daemon_group_key = '{NOBODY}' AND status = 'running'"
)
HIDE = """() => {
  Object.defineProperty(document, "hidden", {get: () => true, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
MIDDLE = 25


@pytest.fixture
def fifty(deck: Deck) -> Iterator[Deck]:
    """Fifty runs at work at once, the newest of all."""
    for number in range(FIFTY):
        deck.create_run(daemon_group_key=NOBODY, args={"number": number}, force=True)
    deck.change(RUNNING)
    yield deck
    deck.change(STOPPED)


@pytest.fixture
def requests(context: BrowserContext) -> list[Request]:
    made: list[Request] = []
    context.on("request", lambda request: made.append(request))
    return made


@pytest.fixture
def tab(olga: Page, fifty: Deck) -> Page:
    """The list of them, loaded to its end; from then on time passes by the test's hand alone."""
    olga.goto("/runs/?status=running")
    expect(olga.locator("table.runs tbody tr")).to_have_count(FIFTY)
    olga.wait_for_load_state("networkidle")
    pause(olga, 0.1)
    return olga


def minute(page: Page) -> None:
    """A minute in small steps: what has been asked is answered and shown before time goes on."""
    for _ in range(60):
        page.clock.run_for(1000)
        page.evaluate("0")
        expect(page.locator(".htmx-request:not(.htmx-settling)")).to_have_count(0)  # what settles needs time to go on


def test_fifty_running_runs_cost_twelve_requests_a_minute(tab: Page, requests: list[Request]) -> None:
    requests.clear()
    minute(tab)
    assert 10 <= len(requests) <= 12, [request.url for request in requests]


def test_a_hidden_tab_costs_none(tab: Page, requests: list[Request]) -> None:
    tab.evaluate(HIDE)
    requests.clear()
    minute(tab)
    assert requests == []


def test_once_all_have_ended_it_asks_no_more(tab: Page, fifty: Deck, requests: list[Request]) -> None:
    fifty.change(STOPPED)
    minute(tab)
    expect(tab.locator("#live-state")).to_contain_text("final, not polling")
    requests.clear()
    minute(tab)
    assert requests == []


def test_a_list_of_ended_runs_costs_none(olga: Page, fifty: Deck, requests: list[Request]) -> None:
    fifty.change(STOPPED)
    olga.goto("/runs/?status=stopped")
    expect(olga.locator("table.runs tbody tr")).to_have_count(FIFTY)
    olga.wait_for_load_state("networkidle")
    requests.clear()
    minute(olga)
    assert requests == []


def test_a_reader_in_the_middle_stays_there_over_ten_ticks(tab: Page, requests: list[Request]) -> None:
    """Every line is answered each time as if it had changed."""

    def forget(route: Route) -> None:
        route.continue_(url=re.sub(r"&v=[^&]*", "&v=forgotten", route.request.url))

    tab.route("**/runs/live/**", forget)
    row = tab.locator("table.runs tbody tr").nth(MIDDLE)
    row.locator(".what a").focus()
    tab.evaluate("document.querySelectorAll('table.runs tbody tr').forEach(row => { row.dataset.old = 'yes' })")
    where = "[document.activeElement.closest('tr').id, window.scrollY]"
    before = tab.evaluate(where)
    assert before[1] > 0
    requests.clear()
    minute(tab)
    assert len(requests) >= 10
    expect(tab.locator("tr[data-old]")).to_have_count(1)
    assert tab.evaluate(where) == before
