"""What a tab that stays open costs, all requests counted: a list of fifty runs, seen, hidden, and ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.acceptance.deck import Deck
from tests.browser.conftest import pause
from tests.processes import wait_until

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
COUNT_ANSWERS = """
  window.unanswered = 0;
  document.addEventListener("htmx:beforeSend", () => { window.unanswered += 1; });
  document.addEventListener("htmx:afterRequest", () => { window.unanswered -= 1; });
"""
MIDDLE = 25
STEP = 250  # milliseconds


@pytest.fixture
def fifty(deck: Deck) -> Iterator[Deck]:
    """Fifty runs at work at once, the newest of all."""
    for number in range(FIFTY):
        deck.create_run(daemon_group_key=NOBODY, args={"number": number}, force=True)
    deck.change(RUNNING)
    yield deck
    deck.change(STOPPED)


@pytest.fixture
def made(context: BrowserContext) -> list[str]:
    """The addresses of all requests."""
    addresses: list[str] = []
    context.on("request", lambda request: addresses.append(request.url))
    return addresses


@pytest.fixture
def tab(olga: Page, fifty: Deck) -> Page:
    """The list of them, loaded to its end; from then on time passes by the test's hand alone."""
    olga.add_init_script(COUNT_ANSWERS)
    olga.goto("/runs/?status=running")
    expect(olga.locator("table.runs tbody tr")).to_have_count(FIFTY)
    olga.wait_for_load_state("networkidle")
    pause(olga, 1)
    return olga


def minute(page: Page, made: list[str]) -> None:
    """Let a minute pass, in small steps: an answer is shown before time goes on. `made` is then what was asked for."""
    all_shown(page)
    made.clear()
    for _ in range(60_000 // STEP):
        page.clock.run_for(STEP)
        all_shown(page)


def all_shown(page: Page) -> None:
    wait_until(lambda: page.evaluate("window.unanswered === 0"), 30, "an answer that is shown")


def test_fifty_running_runs_cost_twelve_requests_a_minute(tab: Page, made: list[str]) -> None:
    minute(tab, made)
    assert 10 <= len(made) <= 12, made


def test_a_hidden_tab_costs_none(tab: Page, made: list[str]) -> None:
    tab.evaluate(HIDE)
    minute(tab, made)
    assert made == []


def test_once_all_have_ended_it_asks_no_more(tab: Page, fifty: Deck, made: list[str]) -> None:
    fifty.change(STOPPED)
    minute(tab, made)
    expect(tab.locator("#live-state")).to_contain_text("final, not polling")
    minute(tab, made)
    assert made == []


def test_a_list_of_ended_runs_costs_none(olga: Page, fifty: Deck, made: list[str]) -> None:
    fifty.change(STOPPED)
    olga.add_init_script(COUNT_ANSWERS)
    olga.goto("/runs/?status=stopped")
    expect(olga.locator("table.runs tbody tr")).to_have_count(FIFTY)
    olga.wait_for_load_state("networkidle")
    minute(olga, made)
    assert made == []


def test_a_reader_in_the_middle_stays_there_over_ten_ticks(tab: Page, made: list[str]) -> None:
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
    minute(tab, made)
    assert len(made) >= 10
    expect(tab.locator("tr[data-old]")).to_have_count(1)
    assert tab.evaluate(where) == before
