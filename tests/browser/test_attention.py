"""The start page on a screen that stays on: it follows the day, and never moves what somebody reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from werkzeug import Response

from tests.acceptance.deck import Deck
from tests.browser.conftest import Polls, let_pass
from tests.sources import Source

SOON = 15_000


@pytest.fixture
def failing(deck: Deck, source: Source) -> Iterator[Any]:
    """Makes runs that fail; at the end one that completes settles them."""
    made: list[dict[str, Any]] = []

    def fail(number: int) -> str:
        source.before = lambda request: Response("no", 404)
        run_id = deck.create_run(error_handling="fail_fast", ignore_previous_run=True, args={"n": number}, force=True)
        made.append({"n": number})
        assert deck.ended(run_id)["status"] == "failed"
        source.before = None
        return str(run_id)

    yield fail
    for args in made:
        deck.ended(deck.create_run(args=args, force=True))


def line(page: Page, run_id: str) -> Any:
    return page.locator(f'#concerns [data-concern="run-{run_id.replace("-", "")}"]')


def test_a_new_failure_is_announced_while_somebody_reads_and_shown_on_demand(olga: Page, failing: Any) -> None:
    first = failing(1)
    olga.goto("/")
    expect(line(olga, first)).to_be_visible()
    line(olga, first).hover()
    before = line(olga, first).bounding_box()
    second = failing(2)
    let_pass(olga, 21)
    expect(olga.locator("#news")).to_have_text("1 new: show", timeout=SOON)
    expect(line(olga, second)).to_be_hidden()
    assert line(olga, first).bounding_box() == before
    olga.locator("#news").click()
    expect(line(olga, second)).to_be_visible()
    expect(olga.locator("#news")).to_be_hidden()


def test_untouched_for_a_while_it_becomes_the_new_one_by_itself(olga: Page, failing: Any) -> None:
    olga.goto("/")
    let_pass(olga, 31)
    run_id = failing(1)
    let_pass(olga, 21)
    expect(line(olga, run_id)).to_be_visible(timeout=SOON)
    expect(olga.locator("#attention-count")).to_have_text("1 needs attention")
    expect(olga).to_have_title("(1) Needs attention · Syncdeck")


def test_what_is_settled_fades_in_its_place_under_the_hand(olga: Page, deck: Deck, failing: Any) -> None:
    run_id = failing(1)
    olga.goto("/")
    line(olga, run_id).get_by_role("link", name="Rerun").focus()
    deck.ended(deck.create_run(args={"n": 1}, force=True))
    let_pass(olga, 21)
    expect(line(olga, run_id)).to_have_class("concern gone", timeout=SOON)
    expect(olga.locator("#news")).to_have_text("All good now: show")
    assert line(olga, run_id).evaluate("line => line.contains(document.activeElement)")
    olga.locator("#news").click()
    expect(olga.get_by_role("heading", name="All good")).to_be_visible()


def test_it_asks_three_times_a_minute_and_never_from_a_hidden_tab(olga: Page, deck: Deck, polls: Polls) -> None:
    olga.goto("/")
    for _ in range(3):
        with olga.expect_response("**/attention/live/**", timeout=SOON):
            let_pass(olga, 20)
    assert len(polls) == 3
    olga.evaluate("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    hidden = len(polls)
    let_pass(olga, 60)
    assert len(polls) == hidden
