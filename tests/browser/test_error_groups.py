"""A trouble from the run that meets it to the note of its cause, as a person goes through it; on a phone, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from werkzeug import Request, Response

from tests.acceptance.deck import Deck
from tests.sources import Source

SOON = 15_000  # milliseconds


@pytest.fixture(autouse=True)
def gone(source: Source, source_answers: None) -> Iterator[None]:
    def refuse(request: Request) -> Response | None:
        return Response("nothing here", 410) if request.path == "/cities" else None

    source.before = refuse
    yield


def test_is_found_read_and_noted(olga: Page, deck: Deck) -> None:
    run_id = deck.create_run(ignore_previous_run=True)
    deck.ended(run_id)
    olga.goto("/errors/")
    line = olga.locator("table.errors tbody tr").filter(has_text="410")
    expect(line).to_contain_text("Still happening")
    expect(line.locator("svg.spark")).to_be_visible()
    line.get_by_role("link").click()

    expect(olga.locator(".trace pre")).to_contain_text("nothing here")
    expect(olga.locator("#touched tbody tr")).to_have_count(1)
    olga.get_by_text("Note the cause").click()
    olga.get_by_label("What is known of the cause").fill("They moved the cities.")
    olga.get_by_role("button", name="Save note").click()
    expect(olga.get_by_role("status").first).to_contain_text("The note is saved.")
    expect(olga.locator("#note")).to_contain_text("They moved the cities.")
    expect(olga.locator("#note")).to_contain_text("olga")

    olga.get_by_role("link", name="Rerun Countries and cities").click()
    expect(olga.get_by_role("dialog")).to_contain_text("Rerun from ")
    olga.get_by_role("dialog").get_by_role("link", name="Cancel").click()
    olga.get_by_role("link", name="See its runs in the list").click()
    expect(olga).to_have_url(re.compile(r"/runs/\?error="))
    expect(olga.locator("tbody tr").first).to_contain_text("errors")


def test_fits_a_phone_and_is_reached_from_the_run(olga: Page, deck: Deck) -> None:
    run_id = deck.create_run(ignore_previous_run=True)
    deck.ended(run_id)
    olga.set_viewport_size({"width": 360, "height": 780})
    olga.goto(f"/runs/{run_id}/")
    olga.locator("details[id^=d-] > summary").first.click()
    olga.get_by_role("link", name="All errors like this").first.click()
    expect(olga).to_have_url(re.compile("/errors/[0-9a-f-]{36}/$"))
    group = olga.url
    for address in (group, "/errors/?window=30d"):
        olga.goto(address)
        assert olga.evaluate("document.documentElement.scrollWidth") == 360, address
