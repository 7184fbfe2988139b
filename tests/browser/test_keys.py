"""The keyboard path: search, move, open, stop, rerun and go without a mouse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.deck import Deck
from tests.acceptance.gate import Gate
from tests.browser.conftest import let_pass
from tests.sources import Source

ROWS = "table.list tbody tr"


def row_with_the_focus(page: Page) -> Locator:
    return page.locator(f"{ROWS}:focus-within, {ROWS}:focus")


@pytest.fixture
def two_ended(deck: Deck) -> list[str]:
    """The ids of two runs that have ended, the newer one first."""
    older, newer = (deck.ended(deck.create_run())["id"] for _ in range(2))
    return [newer, older]


def test_j_and_k_walk_through_the_rows_and_enter_opens(olga: Page, two_ended: list[str]) -> None:
    newer, older = two_ended
    olga.goto("/runs/")
    olga.keyboard.press("j")
    expect(row_with_the_focus(olga)).to_have_id(f"run-{newer}")
    olga.keyboard.press("j")
    expect(row_with_the_focus(olga)).to_have_id(f"run-{older}")
    olga.keyboard.press("k")
    olga.keyboard.press("k")
    expect(row_with_the_focus(olga)).to_have_id(f"run-{newer}")
    olga.keyboard.press("Enter")
    expect(olga).to_have_url(f"/runs/{newer}/")


def test_the_row_with_the_focus_is_plain_to_see_and_never_under_what_sticks(olga: Page, deck: Deck) -> None:
    for _ in range(12):
        deck.ended(deck.create_run())
    olga.set_viewport_size({"width": 1024, "height": 400})
    olga.goto("/runs/")
    for _ in range(12):
        olga.keyboard.press("j")
    for _ in range(8):
        olga.keyboard.press("k")
        row = row_with_the_focus(olga)
        assert row.evaluate("row => getComputedStyle(row).outlineStyle") == "solid"
        assert row.evaluate(
            """row => { const box = row.getBoundingClientRect();
                        return row.contains(document.elementFromPoint(box.left + 40, box.top + box.height / 2)); }"""
        )


def test_every_list_can_be_walked_through(olga: Page, two_ended: list[str]) -> None:
    for path in ("/jobs/", "/accounts/", "/integrations/", "/settings/environments/", "/settings/people/"):
        olga.goto(path)
        olga.keyboard.press("j")
        expect(row_with_the_focus(olga)).to_have_count(1)


def test_what_needs_attention_can_be_walked_through(operator: Page) -> None:
    """Its lines open their run, or what they stand for."""
    page = operator
    page.goto("/")
    lines = page.locator("li.concern")
    count = lines.count()
    assert count >= 5
    for number in range(count):
        page.keyboard.press("j")
        focused = page.locator("li.concern:focus-within")
        expect(focused).to_have_count(1)
        assert focused.get_attribute("data-concern") == lines.nth(number).get_attribute("data-concern")
    page.goto("/")
    page.keyboard.press("j")
    address = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(address)


def test_r_asks_before_it_reruns_the_row(olga: Page, deck: Deck, two_ended: list[str]) -> None:
    """On the page of a run, and in a list whose rows have the link."""
    olga.goto(f"/runs/{two_ended[0]}/")
    olga.keyboard.press("r")
    expect(olga.get_by_role("dialog")).to_contain_text("Rerun")
    expect(olga.get_by_role("dialog").get_by_role("button", name="Rerun")).to_be_focused()
    olga.keyboard.press("r")  # keys are off in a dialog
    olga.keyboard.press("Escape")
    expect(olga.get_by_role("dialog")).to_be_hidden()
    expect(olga).to_have_url(f"/runs/{two_ended[0]}/")


@pytest.fixture
def held(deck: Deck, source: Source) -> Iterator[str]:
    """The address of a run that is running, and goes on only when the test is over."""
    source.before = gate = Gate(answered=1)
    run_id = deck.create_run()
    gate.await_arrival()
    yield f"/runs/{run_id}/"
    gate.open()
    deck.ended(run_id)


def test_s_asks_before_it_stops_the_run(olga: Page, held: str) -> None:
    olga.goto(held)
    olga.keyboard.press("s")
    expect(olga.get_by_role("dialog")).to_contain_text("Stop this run?")
    expect(olga.get_by_role("link", name="Cancel")).to_be_focused()
    olga.keyboard.press("Tab")
    olga.keyboard.press("Enter")
    expect(olga.locator("#summary")).to_contain_text("Stop")


def test_what_is_not_possible_is_said_to_those_who_do_not_see(olga: Page, two_ended: list[str]) -> None:
    olga.goto(f"/runs/{two_ended[0]}/")
    olga.keyboard.press("s")
    expect(olga.locator("#announce")).to_have_text("That is not possible here.")
    expect(olga.get_by_role("dialog")).to_be_hidden()


def test_walking_goes_on_after_a_live_swap(olga: Page, two_ended: list[str], held: str) -> None:
    """The swap replaces the row; the place in the list stays."""
    olga.goto("/runs/")
    run_id = held.split("/")[2]
    row = olga.locator(f"#run-{run_id}")
    position = olga.locator(ROWS).evaluate_all("(rows, id) => rows.findIndex(row => row.id === `run-${id}`)", run_id)
    for _ in range(position + 1):
        olga.keyboard.press("j")
    expect(row_with_the_focus(olga)).to_have_id(f"run-{run_id}")
    row.evaluate("row => row.replaceWith(row.cloneNode(true))")
    olga.keyboard.press("j")
    following = olga.locator(ROWS).nth(position + 1)
    expect(row_with_the_focus(olga)).to_have_id(str(following.get_attribute("id")))


@pytest.mark.parametrize(
    ("key", "path"),
    [("n", "/"), ("r", "/runs/"), ("a", "/accounts/"), ("j", "/jobs/"), ("s", "/schedules/"), ("t", "/settings/")],
)
def test_g_and_a_letter_go_to_a_place(olga: Page, key: str, path: str) -> None:
    olga.goto("/daemons/")
    olga.keyboard.press("g")
    olga.keyboard.press(key)
    expect(olga).to_have_url(path)


def test_a_question_mark_shows_all_of_them(olga: Page) -> None:
    olga.goto("/jobs/")
    olga.keyboard.press("?")
    dialog = olga.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Search", "Next row", "Stop it; asks first", "Needs attention", "Settings"):
        expect(dialog.get_by_text(words, exact=True).first).to_be_visible()
    olga.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_keys_are_letters_while_one_types(olga: Page, two_ended: list[str]) -> None:
    olga.goto("/runs/")
    olga.keyboard.press("/")
    olga.keyboard.type("jg?r")
    expect(olga.locator("#search")).to_have_value("jg?r")
    expect(olga.get_by_role("dialog")).to_be_hidden()
    expect(olga).to_have_url("/runs/")


def test_keys_with_a_modifier_stay_the_browsers(olga: Page, two_ended: list[str]) -> None:
    olga.goto("/runs/")
    olga.keyboard.press("Alt+j")
    expect(row_with_the_focus(olga)).to_have_count(0)


def test_keys_can_be_switched_off_and_on_again(olga: Page, two_ended: list[str]) -> None:
    switch = olga.get_by_label("Keyboard shortcuts")
    olga.goto("/settings/")
    switch.uncheck()
    olga.get_by_role("button", name="Save").click()
    expect(olga.locator(".messages")).to_contain_text("Saved.")
    olga.goto("/runs/")
    for key in ("j", "?", "/"):
        olga.keyboard.press(key)
    let_pass(olga, 1)
    expect(row_with_the_focus(olga)).to_have_count(0)
    expect(olga.locator("#search")).not_to_be_focused()
    expect(olga.get_by_role("dialog")).to_be_hidden()
    olga.goto("/settings/")
    switch.check()
    olga.get_by_role("button", name="Save").click()
    expect(olga.locator(".messages")).to_contain_text("Saved.")
    olga.goto("/runs/")
    olga.keyboard.press("j")
    expect(row_with_the_focus(olga)).to_have_count(1)


def test_x_ticks_the_box_of_the_row(olga: Page, two_ended: list[str]) -> None:
    olga.goto("/runs/")
    first = olga.locator(ROWS).first
    first.evaluate("""row => row.querySelector("input[type=checkbox]")
        || row.cells[0].prepend(Object.assign(document.createElement("input"), {type: "checkbox"}))""")
    olga.keyboard.press("j")
    olga.keyboard.press("x")
    expect(first.locator("input[type=checkbox]")).to_be_checked()
    olga.keyboard.press("x")
    expect(first.locator("input[type=checkbox]")).not_to_be_checked()


def test_x_says_where_there_is_nothing_to_select(olga: Page) -> None:
    olga.goto("/settings/environments/")
    olga.keyboard.press("j")
    olga.keyboard.press("x")
    expect(olga.locator("#announce")).to_have_text("There is nothing to select here.")
