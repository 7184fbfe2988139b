"""The page of a run as a person reads it: nothing that is being looked at is taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.acceptance.gate import Gate
from tests.browser.conftest import let_pass
from tests.sources import Source

SOON = 15_000
SELECT = """() => {
  const words = document.querySelector("#summary h1 span").firstChild;
  document.getSelection().setBaseAndExtent(words, 0, words, words.length);
}"""


@pytest.fixture
def live_run(deck: Deck, source: Source) -> Iterator[str]:
    """A run that is held in the middle, and another one before it."""
    deck.ended(deck.create_run(ignore_previous_run=True))
    source.before = gate = Gate(answered=2)
    run_id = deck.create_run(ignore_previous_run=True)
    gate.await_arrival()
    yield run_id
    gate.open()
    deck.ended(run_id)


def key(run_id: str) -> str:
    return UUID(run_id).hex


def tell(deck: Deck, run_id: str, message: str) -> None:
    """A line of the run's log, as a daemon writes one."""
    deck.change(
        "INSERT INTO runs_runevent (id, run_id, kind, message, actor, created_at) VALUES "
        f"('{uuid4().hex}', '{key(run_id)}', 'started', '{message}', '', strftime('%Y-%m-%d %H:%M:%f000', 'now'))"
    )


def fail_record(deck: Deck, run_id: str, message: str) -> None:
    deck.change(
        "INSERT INTO runs_recorderror (id, run_id, step_id, resource, method, record_id, code, message, url, excerpt,"
        " fingerprint, is_told, is_quarantine, created_at, updated_at)"
        f" SELECT '{uuid4().hex}', run_id, id, resource, method, 'r1', 'http_error', '{message}', '', 'Sorry.', 'f', 0,"
        " 0, strftime('%Y-%m-%d %H:%M:%f000', 'now'), strftime('%Y-%m-%d %H:%M:%f000', 'now')"
        f" FROM runs_runstep WHERE run_id = '{key(run_id)}' AND \"index\" = 0"
    )


def fetch_one_more(deck: Deck, run_id: str) -> None:
    deck.change(f"UPDATE runs_runstep SET fetched = fetched + 1 WHERE run_id = '{key(run_id)}' AND \"index\" = 0")


def tick(page: Page) -> None:
    """The next poll, and what it brought in its place: until then the page has no poller that time could set off."""
    with page.expect_response("**/live/**", timeout=SOON) as answer:
        let_pass(page, 2)
    answer.value.finished()
    page.evaluate("0")


def fetched(page: Page) -> int:
    return int(page.locator("#entry-0 td.num").first.inner_text())


def test_ten_ticks_take_nothing_away_from_a_reader(olga: Page, deck: Deck, live_run: str) -> None:
    olga.set_viewport_size({"width": 1280, "height": 500})
    olga.goto(f"/runs/{live_run}/")
    olga.locator("#matrix > summary").click()
    expect(olga.locator("#matrix a.cell").first).to_be_visible()
    olga.locator(".log-box").focus()
    olga.evaluate("window.scrollTo(0, 120)")
    olga.evaluate(SELECT)
    chosen = olga.evaluate("document.getSelection().toString()")
    before = fetched(olga)
    for _ in range(10):
        fetch_one_more(deck, live_run)
        tick(olga)
    expect(olga.locator("#entry-0 td.num").first).to_have_text(str(before + 10))
    assert olga.evaluate("document.getSelection().toString()") == chosen != ""
    assert olga.evaluate("document.activeElement.className") == "log-box"
    assert olga.evaluate("window.scrollY") == 120
    assert olga.locator("#matrix").get_attribute("open") is not None


def test_what_was_held_back_comes_once_the_selection_has_gone(olga: Page, deck: Deck, live_run: str) -> None:
    olga.goto(f"/runs/{live_run}/")
    olga.evaluate("document.querySelector('#summary').dataset.old = 'yes'")
    olga.evaluate(SELECT)
    fetch_one_more(deck, live_run)
    tick(olga)
    expect(olga.locator("#summary[data-old]")).to_have_count(1)
    olga.evaluate("document.getSelection().empty()")
    tick(olga)
    expect(olga.locator("#summary[data-old]")).to_have_count(0)


def test_the_log_grows_at_its_end_and_tells_no_line_twice(olga: Page, deck: Deck, live_run: str) -> None:
    olga.goto(f"/runs/{live_run}/")
    lines = olga.locator("#log-lines > li")
    before = lines.count()
    for message in ("One more.", "And another."):
        tell(deck, live_run, message)
        tick(olga)
        expect(lines.last).to_contain_text(message)
    tick(olga)
    assert lines.count() == before + 2
    assert olga.evaluate("new Set([...document.querySelectorAll('#log-lines > li')].map(line => line.id)).size") == (
        before + 2
    )


def test_an_open_line_of_the_log_stays_open(olga: Page, deck: Deck, live_run: str) -> None:
    fail_record(deck, live_run, "It broke.")
    olga.goto(f"/runs/{live_run}/")
    line = olga.locator("#log-lines li.error").last
    line.locator("summary").click()
    expect(line.locator(".detail")).to_contain_text("Sorry.")
    tell(deck, live_run, "One more.")
    tick(olga)
    expect(olga.locator("#log-lines > li").last).to_contain_text("One more.")
    expect(line.locator(".detail")).to_contain_text("Sorry.")


def test_the_log_is_narrowed_in_place_and_grows_by_what_is_wanted(olga: Page, deck: Deck, live_run: str) -> None:
    fail_record(deck, live_run, "It broke.")
    olga.goto(f"/runs/{live_run}/")
    olga.get_by_label("Level").select_option("error")
    lines = olga.locator("#log-lines > li")
    expect(lines).to_have_count(1)
    tell(deck, live_run, "Not an error.")
    tick(olga)
    fail_record(deck, live_run, "It broke again.")
    tick(olga)
    expect(lines).to_have_count(2)
    olga.get_by_label("Search the log").fill("again")
    let_pass(olga, 1)
    expect(lines).to_have_count(1)
    assert olga.url.endswith(f"/runs/{live_run}/")


def test_the_matrix_is_walked_with_the_arrow_keys(olga: Page, live_run: str) -> None:
    olga.goto(f"/runs/{live_run}/")
    olga.locator("#matrix > summary").click()
    first = olga.locator("#matrix a.cell").first
    first.focus()
    olga.keyboard.press("ArrowRight")
    olga.keyboard.press("ArrowDown")
    expect(olga.locator("#readout")).to_have_text(re.compile("^cities: "))
    assert olga.evaluate("document.activeElement.closest('td').cellIndex") == 2
    assert olga.locator("#matrix a.cell[tabindex='0']").count() == 1


def test_it_works_without_scripts(olga: Page, deck: Deck, live_run: str) -> None:
    context = olga.context.browser.new_context(
        base_url=str(deck.api.base_url),
        java_script_enabled=False,
        storage_state=olga.context.storage_state(),
    )
    page = context.new_page()
    fail_record(deck, live_run, "It broke.")
    page.goto(f"/runs/{live_run}/")
    page.locator("#log-lines li.error summary").last.click()
    page.locator("#log-lines li.error .detail a").last.click()
    expect(page.locator("main")).to_contain_text("Sorry.")
    page.goto(f"/runs/{live_run}/")
    page.locator("#matrix > summary").click()
    page.get_by_role("link", name="Show the resources of these runs").click()
    expect(page.locator("a.cell").first).to_be_visible()
    page.goto(f"/runs/{live_run}/")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="What they were told")).to_be_visible()
    context.close()


@pytest.mark.parametrize("path", ["", "log/", "matrix/", "compare/"])
def test_nothing_is_wider_than_a_phone(olga: Page, live_run: str, path: str) -> None:
    olga.set_viewport_size({"width": 360, "height": 780})
    olga.goto(f"/runs/{live_run}/{path}")
    assert olga.evaluate("document.documentElement.scrollWidth") <= 360
