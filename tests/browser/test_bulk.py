"""Many runs at once, as a person sees it: ticked, confirmed, and watched to the end."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.acceptance.gate import Gate
from tests.browser.conftest import let_pass
from tests.sources import Source

SOON = 20_000  # milliseconds


def pick(page: Page, *numbers: int) -> None:
    for number in numbers:
        page.locator('tbody input[name="run"]').nth(number).check()


@pytest.fixture
def ended(deck: Deck) -> list[str]:
    """Two runs that are alike, newest last. What the test before has run again may still be at work."""
    made = [deck.create_run(force=True), ""]
    deck.ended(made[0])
    made[1] = deck.create_run(force=True)
    deck.ended(made[1])
    return made


def test_ticked_runs_are_run_again_and_each_outcome_is_told(olga: Page, deck: Deck, ended: list[str]) -> None:
    olga.goto("/runs/")
    bar = olga.get_by_role("form", name="Actions on many runs")
    expect(bar).to_be_hidden()
    pick(olga, 0, 1)
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Rerun", exact=True).click()
    dialog = olga.get_by_role("dialog")
    expect(dialog).to_contain_text("Rerun 1 run?")
    expect(dialog).to_contain_text("1 is left out")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    dialog.get_by_label("Reason").fill("new token")
    dialog.get_by_role("button", name="Rerun 1 run").click()
    olga.wait_for_url(re.compile("/bulk/.+"))
    expect(olga.locator("#summary")).to_contain_text("Done 1 run again, nothing to do for 1", timeout=SOON)
    expect(olga.locator("#summary")).to_contain_text("new token")
    expect(olga.locator("[data-live]")).to_have_count(0)  # it may have been done before its page was there
    olga.get_by_role("link", name="Open the new run").click()
    expect(olga.locator("#facts")).to_contain_text("repeated by this")


def test_a_ticked_line_stays_as_it_is_and_follows_once_it_is_cleared(olga: Page, deck: Deck, source: Source) -> None:
    source.before = gate = Gate(answered=2)
    run_id = deck.create_run(ignore_previous_run=True)
    gate.await_arrival()
    olga.goto("/runs/")
    pick(olga, 0)
    line = olga.locator(f"#run-{run_id}")
    expect(line).to_contain_text("Running")
    gate.open()
    expect(line).to_have_class(re.compile("held"), timeout=SOON)
    expect(line.get_by_role("checkbox")).to_be_checked()
    bar = olga.get_by_role("form", name="Actions on many runs")
    expect(bar).to_contain_text("1 selected")
    bar.get_by_role("button", name="Clear").click()
    expect(line).to_contain_text("Completed", timeout=SOON)
    expect(line.get_by_role("checkbox")).not_to_be_checked()


def test_all_of_a_page_and_all_that_match(olga: Page, deck: Deck, ended: list[str]) -> None:
    olga.goto("/runs/?status=completed")
    lines = olga.locator("tbody tr").count()
    olga.get_by_label("Select all runs on this page").check()
    bar = olga.get_by_role("form", name="Actions on many runs")
    expect(bar).to_contain_text(f"{lines} selected")
    expect(bar).to_contain_text(re.compile(rf"or all {lines}\s+that match"))
    bar.get_by_role("checkbox").check()
    bar.get_by_role("button", name="Stop", exact=True).click()
    dialog = olga.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing to stop")
    expect(dialog).to_contain_text("status Completed")
    dialog.get_by_role("link", name="Close").click()
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    expect(olga).to_have_url(re.compile(r"/runs/\?status=completed$"))


def test_a_set_that_has_changed_meanwhile_is_asked_for_again_and_nothing_is_done(olga: Page, deck: Deck) -> None:
    first, second = (deck.create_run(daemon_group_key="nobody", args={"n": n}, force=True) for n in range(2))
    olga.goto("/runs/?status=created")
    lines = olga.locator("tbody tr").count()
    olga.get_by_label("Select all runs on this page").check()
    bar = olga.get_by_role("form", name="Actions on many runs")
    bar.get_by_role("checkbox").check()
    bar.get_by_role("button", name="Stop", exact=True).click()
    dialog = olga.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Stop {lines} runs?")
    third = deck.create_run(daemon_group_key="nobody", args={"n": 2}, force=True)
    with olga.expect_response(lambda answer: answer.url.endswith("/bulk/new/") and answer.status == 409):
        dialog.get_by_role("button", name=f"Stop {lines} runs").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing was done")
    expect(dialog).to_contain_text(f"Stop {lines + 1} runs?")
    made = (first, second, third)
    assert {deck.run(run_id)["status"] for run_id in made} == {"created"}
    dialog.get_by_role("button", name=f"Stop {lines + 1} runs").click()
    olga.wait_for_url(re.compile("/bulk/.+"))
    assert {deck.ended(run_id)["status"] for run_id in made} == {"stopped"}


def test_without_scripts_the_same_forms_do_it(deck: Deck, ended: list[str], olga: Page) -> None:
    plain = olga.context.browser.new_context(java_script_enabled=False, storage_state=olga.context.storage_state())  # type: ignore[union-attr]
    page = plain.new_page()
    page.goto(f"{deck.api.base_url}/runs/")
    pick(page, 0)
    page.get_by_role("button", name="Rerun, ignore previous run date").click()
    expect(page.locator(".question")).to_contain_text("Rerun 1 run, ignoring the previous run date?")
    page.get_by_role("button", name="Rerun 1 run, ignore previous run date").click()
    expect(page.locator("#summary")).to_contain_text("1 run")
    assert "/bulk/" in page.url
    plain.close()


@pytest.mark.parametrize("width", [360, 1024])
def test_nothing_scrolls_sideways_and_everything_can_be_hit(
    olga: Page, deck: Deck, ended: list[str], width: int
) -> None:
    olga.set_viewport_size({"width": width, "height": 780})
    olga.goto("/runs/")
    pick(olga, 0)
    bar = olga.get_by_role("form", name="Actions on many runs")
    let_pass(olga, 1)
    assert olga.evaluate("document.documentElement.scrollWidth") <= width
    if width == 360:
        for button in bar.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None and box["height"] >= 44
    bar.get_by_role("button", name="Stop", exact=True).click()
    expect(olga.get_by_role("dialog")).to_be_visible()
    assert olga.evaluate("document.documentElement.scrollWidth") <= width
