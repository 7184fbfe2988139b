"""A schedule from its making to its end, as a person goes through it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck

SOON = 30_000  # milliseconds


def test_is_made_run_now_changed_and_deleted(olga: Page, deck: Deck) -> None:
    olga.goto("/schedules/")
    olga.get_by_role("button", name="Schedule this job").click()
    olga.get_by_label("When").first.fill("30 6 * * 8")
    olga.get_by_label("Daemon group").fill(deck.group)
    olga.get_by_role("button", name="Schedule", exact=True).click()
    expect(olga.locator(".wrong-because")).to_be_visible()
    olga.get_by_label("When").first.fill("30 6 * * 1-5")
    olga.get_by_role("button", name="Schedule", exact=True).click()
    line = olga.locator("tbody tr").first
    expect(line).to_contain_text("At 06:30 on Monday through Friday")

    line.get_by_role("button", name="Run now").click()
    expect(olga.locator("#summary .sentence")).to_contain_text("Completed in", timeout=SOON)
    olga.goto("/schedules/")
    expect(line).to_contain_text("Completed")

    line.get_by_role("link", name="Edit").click()
    expect(olga.get_by_label("When").first).to_have_value("30 6 * * 1-5")
    olga.get_by_label("When").first.fill("0 7 * * *")
    olga.get_by_role("button", name="Save").click()
    expect(line).to_contain_text("At 07:00 every day")
    line.get_by_role("button", name="Disarm").click()
    expect(line).to_contain_text("Disarmed")

    line.get_by_role("link", name="Edit").click()
    olga.get_by_role("link", name="Delete").click()
    dialog = olga.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Delete schedule").click()
    expect(olga.get_by_role("heading", name="Nothing is scheduled yet")).to_be_visible()
