"""The list of runs while it is open: what moves, what does not, and what is asked for meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.acceptance.deck import Deck
from tests.acceptance.gate import Gate
from tests.browser.conftest import Polls, let_pass, pause
from tests.processes import wait_until
from tests.sources import Source

SOON = 15_000  # milliseconds
TICK = 5  # seconds
MARK = "row => { row.dataset.old = 'yes' }"


@pytest.fixture
def listed(olga: Page, deck: Deck, source: Source) -> Iterator[Page]:
    """The list with a run that is held in the middle."""
    source.before = gate = Gate(answered=2)
    run_id = deck.create_run(ignore_previous_run=True)
    gate.await_arrival()
    olga.goto("/runs/")
    expect(line(olga)).to_contain_text("Running", timeout=SOON)
    olga.wait_for_load_state("networkidle")
    yield olga
    gate.open()
    deck.ended(run_id)
    live = "SELECT 1 FROM runs_syncjobrun WHERE status IN ('created', 'running')"
    wait_until(lambda: not deck.rows(live), 30, "an end of every run, also of those that a test has added")


@pytest.fixture
def changing(listed: Page) -> Page:
    """Every poll is answered with the line, as if it had changed each time."""

    def forget(route: Route) -> None:
        route.continue_(url=re.sub(r"&v=[^&]*", "&v=forgotten", route.request.url))

    listed.route("**/runs/live/**", forget)
    return listed


def line(page: Page) -> Locator:
    return page.locator("table.runs tbody tr").first


def tick(page: Page, times: int = 1) -> None:
    """Let as many polls be sent and answered."""
    for _ in range(times):
        with page.expect_response("**/runs/live/**"):
            page.clock.run_for(TICK * 1000 + 100)  # a poller that has come anew begins to count a little later


def test_nothing_of_it_reaches_over_the_edge_of_a_phone(listed: Page) -> None:
    """Not the words that are there for the ear alone, however many, and not the sheet that opens."""
    listed.set_viewport_size({"width": 360, "height": 780})
    expect(listed.locator("#histogram svg")).to_be_visible(timeout=SOON)
    listed.locator("#histogram td").first.evaluate("cell => { cell.textContent = '9 completed, '.repeat(20) }")
    listed.get_by_text("Save view").click()
    expect(listed.get_by_label("Save these filters as")).to_be_visible()
    assert listed.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_line_that_nobody_uses_is_replaced(changing: Page) -> None:
    line(changing).evaluate(MARK)
    tick(changing)
    expect(changing.locator("tr[data-old]")).to_have_count(0)


def test_focus_and_scroll_stay_over_ten_ticks(changing: Page) -> None:
    changing.set_viewport_size({"width": 1280, "height": 300})
    link = line(changing).locator(".what a")
    link.focus()
    line(changing).evaluate(MARK)
    before = changing.evaluate("[document.activeElement.id, window.scrollY]")
    tick(changing, 10)
    assert changing.evaluate("[document.activeElement.id, window.scrollY]") == before
    expect(changing.locator("tr[data-old]")).to_have_count(1)
    changing.locator("#search").focus()
    expect(changing.locator("tr[data-old]")).to_have_count(0)


def test_an_open_menu_stays_open_and_its_line_follows_once_it_is_closed(changing: Page) -> None:
    menu = line(changing).locator("details.row-menu")
    menu.locator("summary").click()
    line(changing).evaluate(MARK)
    tick(changing, 2)
    expect(menu).to_have_attribute("open", "")
    expect(changing.locator("tr[data-old]")).to_have_count(1)
    changing.locator("h1").click()
    expect(changing.locator("tr[data-old]")).to_have_count(0)


def test_selected_text_stays_selected(changing: Page) -> None:
    line(changing).evaluate("row => getSelection().selectAllChildren(row.querySelector('b'))")
    line(changing).evaluate(MARK)
    tick(changing, 2)
    assert changing.evaluate("getSelection().toString()") == "acme"
    changing.evaluate("getSelection().removeAllRanges()")
    expect(changing.locator("tr[data-old]")).to_have_count(0)


def test_new_runs_are_told_and_the_order_stays(listed: Page, deck: Deck) -> None:
    shown = listed.locator("table.runs tbody tr").evaluate_all("rows => rows.map(row => row.id)")
    deck.create_run(force=True)
    pill = listed.locator("#newer a")
    tick(listed)
    expect(pill).to_have_text("1 new run")
    assert listed.locator("table.runs tbody tr").evaluate_all("rows => rows.map(row => row.id)") == shown
    pill.click()
    expect(listed.locator("table.runs tbody tr")).to_have_count(min(50, len(shown) + 1))


def test_a_poll_that_fails_once_is_told_in_the_top_line_alone(listed: Page) -> None:
    listed.route("**/runs/live/**", lambda route: route.abort(), times=1)
    pause(listed, TICK)
    expect(listed.locator("#live-state")).to_contain_text("no contact since")
    expect(listed.locator("#stale")).to_have_count(0)


def test_a_poll_that_fails_twice_is_told_above_the_list(listed: Page) -> None:
    banner = listed.locator("#stale")
    listed.route("**/runs/live/**", lambda route: route.abort())
    let_pass(listed, 4 * TICK)
    expect(banner).to_contain_text("What you see may have changed")
    listed.unroute("**/runs/live/**")
    banner.get_by_role("button", name="Try now").click()
    expect(banner).to_have_count(0)


def test_a_list_of_ended_runs_asks_for_nothing(olga: Page, deck: Deck, polls: Polls) -> None:
    deck.ended(deck.create_run())
    olga.goto("/runs/?status=completed")
    before = len(polls)
    let_pass(olga, 30)
    assert len(polls) == before


def test_actions_appear_with_the_focus_and_ask_first(listed: Page) -> None:
    stop = line(listed).locator("a.quick")
    expect(stop).to_have_css("opacity", "0")
    line(listed).locator(".what a").focus()
    expect(stop).to_have_css("opacity", "1")
    stop.press("Enter")
    expect(listed.get_by_role("dialog")).to_contain_text("Stop this run?")
    listed.keyboard.press("Escape")
    expect(line(listed)).to_contain_text("Running")


def test_filters_are_chosen_saved_and_found_again(olga: Page, deck: Deck) -> None:
    deck.ended(deck.create_run())
    olga.goto("/runs/")
    olga.locator("#refine > summary").click()
    olga.get_by_label("Job", exact=True).fill("Countries")
    olga.get_by_label("Started by").select_option("api")
    olga.get_by_role("button", name="Apply").click()
    expect(olga).to_have_url(re.compile(r"/runs/\?job=Countries&trigger=api$"))
    olga.get_by_role("link", name="trigger API: exclude these").click()
    expect(olga).to_have_url(re.compile("not_trigger=api"))
    olga.go_back()
    olga.locator("#view-menu summary").click()
    olga.get_by_label("Save these filters as").fill("Countries by API")
    olga.get_by_role("button", name="Save").click()
    expect(olga.locator(".tabs [aria-current]")).to_have_text("Countries by API")
    olga.locator("#view-menu summary").click()
    olga.get_by_role("button", name="Delete this view").click()
    expect(olga.locator(".tabs")).not_to_contain_text("Countries by API")


def test_an_address_fills_the_form_and_the_form_gives_the_address_back(olga: Page, deck: Deck) -> None:
    deck.ended(deck.create_run())
    asked = "/runs/?status=completed&status=failed&trigger=api&not_job=Nothing&over=0s&since=30d&q=acme"
    olga.goto(asked)
    shown = olga.locator("table.runs tbody tr").evaluate_all("rows => rows.map(row => row.id)")
    olga.locator("#refine > summary").click()
    expect(olga.get_by_label("Started by")).to_have_value("api")
    with olga.expect_navigation():
        olga.get_by_role("button", name="Apply").click()
    wanted, got = (parse_qs(urlsplit(address).query) for address in (asked, olga.url))
    assert got == wanted
    assert olga.locator("table.runs tbody tr").evaluate_all("rows => rows.map(row => row.id)") == shown != []
    olga.reload()
    assert parse_qs(urlsplit(olga.url).query) == wanted


def test_a_field_offers_names_while_one_types(olga: Page, deck: Deck) -> None:
    olga.goto("/runs/")
    olga.locator("#refine > summary").click()
    olga.get_by_role("combobox", name="Account").press_sequentially("ac")
    olga.clock.run_for(1000)
    expect(olga.locator("#account-names option[value=acme]")).to_have_count(1)
