"""The record store, and the pages of the installation itself, in the browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.browser.conftest import Polls, let_pass


@pytest.fixture
def stored(olga: Page, deck: Deck) -> Page:
    """The page of the account's records, once a run has stored some."""
    deck.ended(deck.create_run(ignore_previous_run=True))
    olga.goto(f"/records/?account={deck.account_id}&resource=cities")
    return olga


def test_a_record_is_found_opened_and_taken_away(stored: Page) -> None:
    stored.get_by_label("Record id, or its beginning").fill("1")
    stored.get_by_role("button", name="Apply").click()
    stored.locator("table.stored tbody th a").first.click()
    tree = stored.locator(".json-tree").first
    expect(tree).to_be_visible()
    with stored.expect_download() as download:
        stored.get_by_role("link", name="Download").click()
    assert json.loads(download.value.path().read_text())["record_id"].startswith("1")


def test_the_list_is_taken_away_as_a_file_with_its_filters(stored: Page) -> None:
    with stored.expect_download() as download:
        stored.get_by_role("link", name="JSON Lines").click()
    lines = download.value.path().read_text().splitlines()
    assert {json.loads(line)["resource"] for line in lines} == {"cities"}
    with stored.expect_download() as download:
        stored.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == len(lines) + 1


@pytest.mark.parametrize(("path", "most"), [("/health/", 4), ("/daemons/", 12)])
def test_the_installation_is_asked_for_no_more_often_than_promised(
    olga: Page, polls: Polls, path: str, most: int
) -> None:
    olga.goto(path)
    expect(olga.locator("#live-state")).to_contain_text("live,")
    before = len(polls)
    for _ in range(60):
        let_pass(olga, 1)
    assert 0 < len(polls) - before <= most


@pytest.mark.parametrize("path", ["/records/", "/health/", "/daemons/"])
def test_on_a_phone_nothing_leads_sideways(stored: Page, path: str) -> None:
    stored.set_viewport_size({"width": 360, "height": 780})
    stored.goto(path)
    assert stored.evaluate("document.documentElement.scrollWidth") <= 360
