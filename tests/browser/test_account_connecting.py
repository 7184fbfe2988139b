"""An account is connected in a browser at a real authorization server, its access renewed, lost, and given again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.deck import Deck
from tests.authorization_server import Client, Provider, serving_provider
from tests.browser.scene import PASSWORD, log_in

PHONE = {"width": 360, "height": 780}
THINGS = [{"resource": "things", "method": "list", "persist": True}]


@pytest.fixture(scope="module")
def provider(deck: Deck, base_url: str) -> Iterator[Provider]:
    with serving_provider(client=Client({f"{base_url}/accounts/connected/"})) as provider:
        deck.post("/integration", {"name": "cloud", "label": "Cloud", "config": provider.config()})
        deck.post("/sync-job", {"integration_name": "cloud", "label": "Things", "resources": THINGS})
        yield provider


@pytest.fixture
def account_id(deck: Deck, provider: Provider) -> str:
    """Of an account that nobody has connected yet."""
    return str(deck.post("/integrated-account", {"integration_name": "cloud", "tenant_id": "acme cloud"})["id"])


def run_of(deck: Deck, account_id: str) -> dict[str, Any]:
    [(job_id,)] = deck.rows("SELECT id FROM runs_syncjob WHERE label = 'Things'")
    return deck.ended(deck.create_run(sync_job_id=job_id, integrated_account_id=account_id))


def state_of(deck: Deck, account_id: str) -> str:
    return str(deck.get(f"/integrated-account/{account_id}")["status"])


def go_to_provider(page: Page, account_id: str) -> None:
    page.goto(f"/accounts/{account_id}/connect/")
    page.get_by_role("button", name="Go on to localhost").click()
    expect(page.get_by_role("heading", name="Syncdeck asks for things.read profile")).to_be_visible()


def held_back(page: Page, provider: Provider, account_id: str) -> str:
    """The address that the person would have been sent back to, after consenting."""
    go_to_provider(page, account_id)
    provider.holds_back = True
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Held back")).to_be_visible()
    provider.holds_back = False
    return provider.ways_back[-1]


def test_from_its_making_to_its_being_connected_again(olga: Page, deck: Deck, provider: Provider) -> None:
    olga.goto("/accounts/")
    olga.get_by_role("link", name="Connect an account").click()
    olga.get_by_label("Integration").select_option(label="Cloud")
    olga.get_by_role("button", name="Go on").click()
    olga.get_by_label("Tenant").fill("in the cloud")
    olga.get_by_role("button", name="Store and go on").click()
    expect(olga.locator("dl.facts")).to_contain_text("things.read profile")
    olga.get_by_role("button", name="Go on to localhost").click()
    olga.get_by_role("button", name="Allow").click()
    expect(olga.locator(".messages")).to_contain_text("Connected.")
    assert re.fullmatch(r"/accounts/[0-9a-f-]{36}/", olga.evaluate("location.pathname + location.search"))
    account_id = olga.url.rstrip("/").rpartition("/")[2]

    run = run_of(deck, account_id)
    assert (run["status"], run["resource_stats"]["things"]["list"]["persisted"]) == ("completed", 3)
    provider.end_access()
    assert run_of(deck, account_id)["status"] == "completed"
    [(first, second)] = [[one.refresh_token for one in provider.given]]
    assert first != second
    assert provider.token_requests[-1]["refresh_token"] == first

    provider.revoke()
    assert run_of(deck, account_id)["error"]["code"] == "invalid_grant"
    olga.reload()
    expect(olga.get_by_role("alert")).to_contain_text("until it is connected again")
    olga.get_by_role("link", name="Connect again").click()
    olga.get_by_role("button", name="Go on to localhost").click()
    olga.get_by_role("button", name="Allow").click()
    expect(olga.locator(".messages")).to_contain_text("Connected.")
    assert state_of(deck, account_id) == "active"
    assert run_of(deck, account_id)["status"] == "completed"
    olga.goto(f"/accounts/{account_id}/?kind=connection")
    expect(olga.get_by_role("list", name="Timeline").get_by_role("listitem")).to_have_count(2)

    assert set(provider.referers) == {""}
    assert leaks(deck, provider, olga, account_id) == []


def test_a_denial_is_told_and_changes_nothing(olga: Page, deck: Deck, provider: Provider, account_id: str) -> None:
    go_to_provider(olga, account_id)
    olga.get_by_role("button", name="Deny").click()
    expect(olga.locator(".messages")).to_contain_text("Access was denied at the provider.")
    expect(olga.get_by_role("link", name="Connect", exact=True)).to_be_visible()
    assert state_of(deck, account_id) == "connecting"


def test_an_answer_is_taken_once_and_in_the_browser_that_has_asked(
    browser: Browser, olga: Page, base_url: str, deck: Deck, provider: Provider, account_id: str
) -> None:
    made = deck.processes.run(
        "createsuperuser", "--noinput", "--username", "mallory", "--email", "mallory@example.org",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    elsewhere = browser.new_context(base_url=base_url)
    other = elsewhere.new_page()
    log_in(other, base_url, "mallory")
    asked = len(provider.token_requests)
    other.goto(held_back(olga, provider, account_id))
    expect(other.locator(".messages")).to_contain_text("Nobody waits for this answer")
    elsewhere.close()
    assert (len(provider.token_requests), state_of(deck, account_id)) == (asked, "connecting")

    back = held_back(olga, provider, account_id)
    for words in ("Connected.", "Nobody waits for this answer"):
        olga.goto(back)
        expect(olga.locator(".messages")).to_contain_text(words)
    olga.goto(re.sub(r"state=[^&]+", "state=made-up", back))
    expect(olga.locator(".messages")).to_contain_text("Nobody waits for this answer")
    assert (len(provider.token_requests), state_of(deck, account_id)) == (asked + 1, "active")


def test_works_without_scripts(browser: Browser, base_url: str, deck: Deck, account_id: str) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    log_in(page, base_url, "olga")
    page.goto(f"/accounts/{account_id}/")
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("button", name="Go on to localhost").click()
    page.get_by_role("link", name="Go to localhost").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.locator(".messages")).to_contain_text("Connected.")
    assert state_of(deck, account_id) == "active"
    context.close()


def test_works_by_the_keyboard_alone(olga: Page, deck: Deck, account_id: str) -> None:
    olga.goto(f"/accounts/{account_id}/connect/")
    button = olga.get_by_role("button", name="Go on to localhost")
    for _ in range(60):
        olga.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    expect(button).to_be_focused()
    olga.keyboard.press("Enter")
    expect(olga.get_by_role("button", name="Allow")).to_be_visible()


@pytest.mark.parametrize("path", ["/accounts/new/", "/accounts/new/?integration={of}", "/accounts/{id}/connect/"])
def test_nothing_scrolls_sideways_on_a_phone(olga: Page, deck: Deck, account_id: str, path: str) -> None:
    [(of,)] = deck.rows("SELECT id FROM runs_integration WHERE name = 'cloud'")
    deck.change(f"UPDATE runs_integratedaccount SET tenant_id = '{'unbroken' * 25}' WHERE tenant_id = 'acme cloud'")
    olga.set_viewport_size(PHONE)
    olga.goto(path.format(of=of, id=account_id))
    assert olga.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def leaks(deck: Deck, provider: Provider, page: Page, account_id: str) -> list[str]:
    """Where one of the secrets can be seen: logs, the database's files, pages, the API. The client's own secret stands
    in the integration, as those do that a config holds itself."""
    hidden = provider.secrets - {provider.client.secret}
    texts = {str(path): path.read_bytes().decode(errors="replace") for path in files(deck.data_dir)}
    for path in (f"/accounts/{account_id}/", "/audit/?since=all", "/runs/", "/errors/", "/"):
        page.goto(path)
        texts[path] = page.content()
    texts["API"] = str(deck.get(f"/integrated-account/{account_id}"))
    return [place for place, text in texts.items() if any(secret in text for secret in hidden)]


def files(folder: Path) -> list[Path]:
    return [path for pattern in ("*.log", "*.sqlite3*") for path in folder.glob(pattern)]
