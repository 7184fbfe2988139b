"""The pages in German: words are longer than the English ones, and still nothing scrolls sideways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scene import WIDTHS, Scene, log_in, logged_in, too_wide


@pytest.fixture
def reader(browser: Browser, scene: Scene) -> Iterator[Page]:
    """Somebody whose browser asks for German; they have logged in before."""
    with logged_in(browser, scene, "operator"):
        pass
    context = browser.new_context(base_url=scene.url, locale="de-DE")
    page = context.new_page()
    log_in(page, scene.url, "operator")
    yield page
    context.close()


def test_no_page_scrolls_sideways(reader: Page, scene: Scene) -> None:
    wide: list[str] = []
    for name, path in scene.paths.items():
        answer = reader.goto(path)
        assert answer is not None
        assert answer.status < 500, name
        assert reader.evaluate("document.documentElement.lang") == "de", name
        wide.extend(too_wide(reader, name, WIDTHS))
    assert not wide, "\n".join(wide)


def test_what_the_scripts_say_is_german_too(reader: Page) -> None:
    reader.goto("/runs/")
    expect(reader.locator("#live-state")).to_contain_text("live")
    reader.locator("#live-state").click()
    expect(reader.locator("#live-state")).to_contain_text("angehalten um")
    expect(reader.locator("time.when").first).to_contain_text("vor ")


def test_the_language_is_chosen_in_the_settings(reader: Page) -> None:
    reader.goto("/settings/")
    reader.get_by_label("Sprache").select_option("English")
    reader.get_by_role("button", name="Anwenden").click()
    expect(reader.get_by_role("heading", name="Settings", level=1)).to_be_visible()
