"""The readable documentation, in a real browser under the real content security policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.deck import Deck


@pytest.fixture
def docs(page: Page, deck: Deck) -> Iterator[Page]:
    """The page of the documentation, on which nothing may go wrong and which may talk to nobody else."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.on("request", lambda request: faults.append(request.url) if _is_elsewhere(request.url, deck) else None)
    page.goto("/docs")
    yield page
    assert faults == []


def _is_elsewhere(url: str, deck: Deck) -> bool:
    return not url.startswith((str(deck.api.base_url), "data:", "blob:"))


def test_it_shows_every_part_of_the_api(docs: Page) -> None:
    for tag in ("Sync job runs", "Sync jobs", "Integrations", "Integrated accounts", "Records", "Daemons"):
        expect(docs.get_by_role("heading", name=tag)).to_be_visible()


def test_an_operation_opens_with_its_refusals_and_its_example(docs: Page) -> None:
    operation = docs.locator("#operations-Sync_job_runs-start_run")
    operation.get_by_role("button").first.click()
    expect(operation.get_by_text("vcs_provider/org_name/repo_name").first).to_be_visible()
    for status in ("201", "400", "401", "409", "413", "415", "429"):
        expect(operation.locator(f"tr.response[data-code='{status}']")).to_be_visible()
