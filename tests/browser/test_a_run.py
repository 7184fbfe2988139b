"""A run from the button to its end, as a person sees it: nothing is loaded again by hand."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.acceptance.gate import Gate
from tests.browser.conftest import Polls, let_pass
from tests.sources import Source

SOON = 15_000  # milliseconds


def start(page: Page) -> None:
    page.goto("/jobs/")
    page.get_by_role("link", name="Run Countries and cities").click()
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url("**/runs/*/")


def fetched(page: Page, entry: str) -> str:
    row = page.locator("#entries tbody tr").filter(has=page.get_by_role("rowheader", name=entry))
    return row.locator("td.num").first.inner_text()


def test_is_started_watched_stopped_and_run_again(olga: Page, deck: Deck, source: Source, polls: Polls) -> None:
    source.before = gate = Gate(answered=3)
    start(olga)
    run_url = olga.url
    expect(olga.locator("#summary .sentence")).to_contain_text("Running", timeout=SOON)
    gate.await_arrival()
    expect(olga.locator("#entry-0")).to_contain_text("Completed", timeout=SOON)
    assert fetched(olga, "countries") == "4"

    olga.get_by_role("link", name="Stop run").click()
    dialog = olga.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is fetched afterwards")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Stop run").click()
    expect(olga.locator("#summary .sentence")).to_contain_text(re.compile("Stopping|Stopped"), timeout=SOON)
    gate.open()
    expect(olga.locator("#summary .sentence")).to_contain_text("Stopped by olga", timeout=SOON)
    assert olga.url == run_url
    expect(olga.locator("#live-state")).to_contain_text("final, not polling")

    seen = len(polls)
    let_pass(olga, 10)
    assert len(polls) == seen > 0

    source.before = None
    olga.get_by_role("link", name="Rerun, ignore previous run date").click()
    expect(dialog).to_contain_text("fetches everything")
    dialog.get_by_role("button", name="Rerun, ignore previous run date").click()
    expect(olga.locator("#summary .sentence")).to_contain_text("Completed in", timeout=SOON * 2)
    expect(olga.locator("#summary .sentence")).to_contain_text("604 records fetched, 604 persisted")
    expect(olga.locator("#facts")).to_contain_text("repeated by this")
    assert olga.url != run_url


def test_counts_climb_while_one_looks(olga: Page, deck: Deck, source: Source) -> None:
    seen: list[str] = []
    source.before = gate = Gate(answered=3)
    start(olga)
    gate.await_arrival()
    expect(olga.locator("#entry-1")).to_contain_text("Running", timeout=SOON)
    seen.append(fetched(olga, "cities"))
    gate.open()
    expect(olga.locator("#entry-1")).to_contain_text("Completed", timeout=SOON)
    seen.append(fetched(olga, "cities"))
    assert seen[0] != seen[1] == "600"


def test_its_line_in_the_list_follows_it(olga: Page, deck: Deck, source: Source, polls: Polls) -> None:
    source.before = gate = Gate(answered=2)
    deck.create_run(ignore_previous_run=True)
    gate.await_arrival()
    olga.goto("/runs/")
    line = olga.locator("tbody tr").first
    expect(line).to_contain_text("Running", timeout=SOON)
    gate.open()
    expect(line).to_contain_text("Completed", timeout=SOON)
    expect(line).to_contain_text("604")
    seen = len(polls)
    let_pass(olga, 20)
    assert len(polls) == seen > 0
