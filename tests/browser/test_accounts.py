"""The board of accounts, the page of one and the audit list, as people use them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug import Response

from tests.acceptance.deck import Deck
from tests.browser.scene import log_in
from tests.sources import Source

PHONE = {"width": 360, "height": 780}


@pytest.fixture
def fresh(deck: Deck) -> Deck:
    """The account has a run that has completed."""
    deck.ended(deck.create_run(args={"for": "the board"}, force=True))
    return deck


def test_the_days_are_told_to_pointer_and_keyboard_alike(olga: Page, fresh: Deck) -> None:
    olga.goto("/accounts/")
    row = olga.locator("tr").filter(has=olga.get_by_role("link", name="acme"))
    strip, told = row.locator(".strip"), row.locator(".told")
    expect(told).not_to_be_visible()
    strip.hover()
    expect(told).to_be_visible()
    expect(told).to_contain_text("completed")
    olga.mouse.move(0, 0)
    expect(told).not_to_be_visible()
    strip.focus()
    expect(told).to_be_visible()


def test_a_board_is_narrowed_and_sorted_by_clicks(olga: Page, fresh: Deck) -> None:
    olga.goto("/accounts/")
    expect(olga.locator("#chips .chip").filter(has_text="No schedule").locator(".count")).to_have_text(
        re.compile("[1-9]")
    )
    olga.locator("#chips .chip").filter(has_text="Overdue").click()
    expect(olga.get_by_role("heading", name="No account matches")).to_be_visible()
    olga.get_by_role("link", name="Clear all filters").click()
    olga.get_by_role("link", name="Last completed").click()
    expect(olga.locator("th[aria-sort]")).to_have_text("Last completed")
    olga.get_by_role("link", name="acme").click()
    expect(olga.get_by_role("heading", level=1)).to_contain_text("acme")


def test_a_connection_is_tested_without_leaving_the_page(olga: Page, fresh: Deck, source: Source) -> None:
    olga.goto(f"/accounts/{fresh.account_id}/")
    olga.get_by_role("button", name="Test connection").click()
    expect(olga.locator("#tested")).to_contain_text("It works")
    source.before = lambda request: Response("", 401)
    olga.get_by_role("button", name="Test connection").click()
    expect(olga.locator("#tested")).to_contain_text("does not take these credentials")
    source.before = None
    olga.reload()
    olga.get_by_role("link", name="Connection", exact=True).click()
    timeline = olga.get_by_role("list", name="Timeline")
    expect(timeline.get_by_role("listitem")).to_have_count(2)
    expect(timeline).to_contain_text("by olga")


def test_all_of_it_works_without_scripts(browser: Browser, base_url: str, fresh: Deck) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    log_in(page, base_url, "olga")
    page.goto(f"/accounts/{fresh.account_id}/")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#tested")).to_contain_text("It works")
    page.get_by_role("link", name="Give credentials").click()
    field = page.get_by_label("Token")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_value("")
    field.fill("t0k3n")
    page.get_by_role("button", name="Store credentials").click()
    expect(page.locator(".messages")).to_contain_text("The new credentials are stored")
    page.goto("/audit/?kind=account")
    expect(page.locator("table.audit")).to_contain_text("Tested the connection of account")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    context.close()


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/{}/", "/accounts/{}/credentials/", "/audit/"])
def test_nothing_scrolls_sideways_on_a_phone(olga: Page, fresh: Deck, path: str) -> None:
    fresh.change(f"UPDATE runs_integratedaccount SET tenant_id = '{'unbroken' * 25}'")
    try:
        olga.set_viewport_size(PHONE)
        olga.goto(path.format(fresh.account_id))
        assert olga.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    finally:
        fresh.change("UPDATE runs_integratedaccount SET tenant_id = 'acme'")
