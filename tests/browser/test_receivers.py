"""A webhook from its making to its end, as a person goes through it; its deletion by keyboard alone, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.processes import wait_until
from tests.receiver import Receiver, receiving, verify

SOON = 15_000  # milliseconds


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def make(page: Page, receiver: Receiver) -> str:
    """A webhook that is told of completed runs only. Returns its secret."""
    page.goto("/webhooks/")
    page.get_by_role("link", name="New webhook").click()
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("Everything").uncheck()
    page.get_by_label("A run completes").check()
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_role("heading", name="Webhook created")).to_be_visible()
    secret = page.locator(".secret code").inner_text()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(receiver.url)
    return secret


def delete(page: Page) -> None:
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete webhook").click()
    expect(page).to_have_url(re.compile("/webhooks/$"))


def test_is_made_tested_told_of_a_run_and_told_again(olga: Page, deck: Deck, receiver: Receiver) -> None:
    secret = make(olga, receiver)
    expect(olga.locator("#facts")).to_contain_text("sync_job_run:completed")

    olga.get_by_role("button", name="Send a test").click()
    expect(olga.get_by_role("status").first).to_contain_text("The receiver has taken the test.")
    test = olga.locator("tbody tr").filter(has_text="test")
    expect(test).to_contain_text("Delivered")
    expect(test).to_contain_text("200")

    run_id = deck.create_run()
    deck.ended(run_id)
    wait_until(lambda: receiver.accepted("completed"), 15, "the event of the run's end")
    olga.reload()
    olga.get_by_role("link", name="sync_job_run:completed").click()
    expect(olga.locator("pre.json")).to_contain_text(run_id)
    expect(olga.locator("#facts")).to_contain_text("Delivered", timeout=SOON)
    olga.get_by_role("button", name="Send again").click()
    expect(olga.get_by_role("status").first).to_contain_text("sent again")
    wait_until(lambda: len(receiver.accepted("completed")) == 2, 15, "the same event again")
    first, again = receiver.accepted("completed")
    assert first.body == again.body
    verify(again, secret)

    olga.locator(".crumbs a").last.click()
    delete(olga)
    expect(olga.get_by_role("link", name=receiver.url)).to_have_count(0)


def test_that_is_switched_off_is_told_of_nothing_until_it_is_on_again(olga: Page, receiver: Receiver) -> None:
    make(olga, receiver)
    olga.get_by_role("button", name="Switch off").click()
    expect(olga.locator("#facts")).to_contain_text("Switched off")
    olga.get_by_role("button", name="Switch on").click()
    expect(olga.locator("#facts")).to_contain_text("Active")
    delete(olga)


def test_can_be_deleted_by_keyboard_alone(olga: Page, receiver: Receiver) -> None:
    make(olga, receiver)
    olga.get_by_role("link", name="Delete", exact=True).press("Enter")
    dialog = olga.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    olga.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    olga.get_by_role("link", name="Delete", exact=True).press("Enter")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    olga.keyboard.press("Tab")
    olga.keyboard.press("Enter")
    expect(olga).to_have_url(re.compile("/webhooks/$"))
