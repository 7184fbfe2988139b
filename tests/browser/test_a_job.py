"""A job from its first line to its deletion, as a person writes it: checked while one types."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck
from tests.browser.conftest import let_pass

SOON = 15_000  # milliseconds
BODY = "resources:\n  - resource: countries\n    method: list\n    persist: true\n"


def typed(page: Page, text: str) -> None:
    """The text is in the field, and the page has had the time after which it asks what is thought of it."""
    page.get_by_label("Arguments and resources").fill(text)
    let_pass(page, 1)


def test_is_written_checked_drawn_changed_and_deleted(olga: Page, deck: Deck) -> None:
    olga.goto("/jobs/")
    olga.get_by_role("link", name="New job").click()
    olga.get_by_label("Label").fill("Written here")
    olga.get_by_label("Integration").select_option(index=1)
    typed(olga, BODY.replace("countries", "planets"))
    verdict = olga.locator("#verdict")
    expect(verdict).to_contain_text("1 fault", timeout=SOON)
    expect(olga.locator(".gutter")).to_contain_text("▸2")
    verdict.get_by_role("button", name="line 2").click()
    definition = olga.get_by_label("Arguments and resources")
    expect(definition).to_be_focused()
    assert definition.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)") == (
        "  - resource: planets"
    )

    typed(olga, f"{BODY}  - resource: cities\n    method: list\n    depends_on: countries\n")
    expect(verdict).to_contain_text("Sound.", timeout=SOON)
    expect(verdict.locator("svg .node")).to_have_count(2)
    olga.get_by_role("button", name="Create job").click()
    expect(olga.get_by_role("heading", name="Written here")).to_be_visible()
    expect(olga.locator("table.plan tbody tr")).to_have_count(2)

    olga.get_by_role("link", name="Run", exact=True).click()
    dialog = olga.get_by_role("dialog")
    dialog.get_by_label("Daemon group").fill(deck.group)
    dialog.get_by_role("button", name="Start run").click()
    expect(olga.locator("#summary .sentence")).to_contain_text("Completed in", timeout=SOON * 2)
    olga.goto("/jobs/?q=Written")
    expect(olga.locator("tbody tr")).to_contain_text("Completed")

    olga.get_by_role("link", name="Written here").first.click()
    olga.get_by_role("link", name="Delete").click()
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Delete job").click()
    expect(olga.locator(".messages")).to_contain_text("Deleted: Written here")


def test_the_keyboard_goes_through_the_editor(olga: Page) -> None:
    olga.goto("/jobs/new/")
    definition = olga.get_by_label("Arguments and resources")
    definition.fill("a:\n  b: 1")
    definition.press("End")
    definition.press("Enter")
    definition.press_sequentially("c: 2")
    assert definition.input_value() == "a:\n  b: 1\n  c: 2"
    expect(olga.locator(".gutter")).to_have_text("1\n2\n3")
    definition.press("ControlOrMeta+z")
    assert definition.input_value() != "a:\n  b: 1\n  c: 2"
    definition.press("Tab")
    expect(definition).not_to_be_focused()


def test_a_definition_goes_out_and_comes_back(olga: Page) -> None:
    olga.goto("/jobs/")
    olga.get_by_role("link", name="Countries and cities").first.click()
    with olga.expect_download() as download:
        olga.get_by_role("link", name="Export").click()
    olga.goto("/jobs/import/")
    olga.get_by_label("A file").set_input_files(download.value.path())
    olga.get_by_role("button", name="Show what it changes").click()
    expect(olga.locator("main")).to_contain_text("There is nothing to change")


def test_is_tried_out_by_the_keyboard_before_it_runs(olga: Page) -> None:
    olga.goto("/jobs/")
    olga.get_by_role("link", name="Countries and cities").first.click()
    olga.get_by_role("link", name="Dry run").click()
    olga.get_by_role("button", name="Try it").focus()
    with olga.expect_request("**/dry-run/") as asked:
        olga.keyboard.press("Enter")
        expect(olga.locator(".while-asked")).to_be_visible()
    assert asked.value.method == "POST"
    expect(olga.get_by_role("heading", name="What a run would do")).to_be_focused(timeout=SOON)
    expect(olga.locator(".tried > li")).to_have_count(2)
    expect(olga.locator(".dry-run .sentence")).to_contain_text("2 of 2 resources answer")
    expect(olga.get_by_role("button", name="Try it again")).to_be_enabled()
