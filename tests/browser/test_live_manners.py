"""How live pages behave: silent when nobody looks, patient when nobody answers, and never in the reader's way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.acceptance.gate import Gate
from tests.browser.conftest import Polls, let_pass
from tests.sources import Source

SOON = 15_000
HIDE = "Object.defineProperty(document, 'hidden', {get: () => window.isHidden, configurable: true})"
TURN = "hidden => { window.isHidden = hidden; document.dispatchEvent(new Event('visibilitychange')) }"


@pytest.fixture
def live(olga: Page, deck: Deck, source: Source) -> Iterator[Page]:
    """The page of a run that is held in the middle."""
    source.before = gate = Gate(answered=2)
    run_id = deck.create_run(ignore_previous_run=True)
    gate.await_arrival()
    olga.goto(f"/runs/{run_id}/")
    expect(olga.locator("#live-state")).to_contain_text("live,")
    yield olga
    gate.open()
    deck.ended(run_id)


def test_a_hidden_tab_is_silent_and_catches_up_when_shown(live: Page, polls: Polls) -> None:
    live.evaluate(HIDE)
    live.evaluate(TURN, True)
    before = len(polls)
    let_pass(live, 10)
    assert len(polls) == before
    with live.expect_request("**/live/**", timeout=1500):
        live.evaluate(TURN, False)


def test_without_an_answer_it_asks_less_often_and_says_so(live: Page, polls: Polls) -> None:
    live.context.set_offline(True)
    expect(live.locator("#live-state")).to_contain_text("no contact since", timeout=SOON)
    before = len(polls)
    for _ in range(10):
        let_pass(live, 2)
    assert len(polls) - before <= 3
    live.context.set_offline(False)
    expect(live.locator("#live-state")).to_contain_text("live,", timeout=2 * SOON)


def test_it_can_be_paused(live: Page, polls: Polls) -> None:
    live.locator("#live-state").click()
    expect(live.locator("#live-state")).to_contain_text("paused at")
    before = len(polls)
    let_pass(live, 10)
    assert len(polls) == before


def test_elapsed_time_counts_on_by_itself(live: Page) -> None:
    ticking = live.locator("#summary [data-since]").first
    before = ticking.inner_text()
    expect(ticking).not_to_have_text(before, timeout=3000)


def test_focus_and_scroll_stay_where_they_are(live: Page) -> None:
    live.set_viewport_size({"width": 1280, "height": 400})
    live.locator("#act-stop").focus()
    live.evaluate("window.scrollTo(0, 120)")
    live.evaluate("document.querySelector('#summary').dataset.old = 'yes'")
    live.evaluate("document.querySelector('#poller').setAttribute('hx-get', location.pathname + 'live/?v=')")
    live.evaluate("htmx.process(document.querySelector('#poller'))")
    live.evaluate("htmx.trigger('#poller', 'wake')")
    expect(live.locator("#summary[data-old]")).to_have_count(0, timeout=SOON)
    assert live.evaluate("document.activeElement.id") == "act-stop"
    assert live.evaluate("window.scrollY") == 120


def test_escape_closes_the_dialog_and_nothing_happens(live: Page) -> None:
    live.get_by_role("link", name="Stop run").click()
    expect(live.get_by_role("dialog")).to_be_visible()
    live.keyboard.press("Escape")
    expect(live.get_by_role("dialog")).to_be_hidden()
    expect(live.locator("#summary .sentence")).to_contain_text("Running")
