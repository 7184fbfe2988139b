"""Chromium against an installation of real processes: web, a daemon, and a source that can be held back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from shutil import copytree
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.acceptance.deck import Deck, Prepared, countries_then_cities, embedded
from tests.browser.chromium import ARGUMENTS, MISSING, executable
from tests.browser.scene import PASSWORD, Scene, log_in, logged_in, served
from tests.factories import COUNTRIES_AND_CITIES
from tests.sources import Source, countries_and_cities, serving


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    return {**browser_type_launch_args, "executable_path": path, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def source() -> Iterator[Source]:
    with serving(countries_and_cities(countries=4, cities=150)) as source:
        yield source


@pytest.fixture(scope="session")
def deck(
    source: Source, browser: Browser, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deck]:
    """One installation for all browser tests; it needs the browser first, so that nothing starts in vain."""
    with embedded(prepared, tmp_path_factory.mktemp("deck") / "data") as deck:
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        made = deck.processes.run(
            "createsuperuser", "--noinput", "--username", "olga", "--email", "olga@example.org",
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        deck.daemon()
        yield deck


@pytest.fixture(scope="session")
def scene(browser: Browser, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An installation with everything that a page can show, for tests that only look."""
    data_dir = copytree(prepared.data_dir, tmp_path_factory.mktemp("scene") / "data")
    with served(data_dir) as scene:
        yield scene


@pytest.fixture
def operator(browser: Browser, scene: Scene) -> Iterator[Page]:
    """Before the scene, somebody who may do everything."""
    with logged_in(browser, scene, "operator") as page:
        yield page


@pytest.fixture(autouse=True)
def source_answers(source: Source) -> Iterator[None]:
    """Whatever a test makes the source do, it is itself again afterwards."""
    yield
    source.before = None


@pytest.fixture(scope="session")
def base_url(deck: Deck) -> str:
    """Where the pages' relative addresses lead."""
    return str(deck.api.base_url).rstrip("/")


def let_pass(page: Page, seconds: int) -> None:
    """Put the page's clock forward: what its timers would do in that time has then been done."""
    page.clock.run_for(seconds * 1000)
    page.evaluate("0")  # whatever it has sent is known before this answer


def pause(page: Page, after: float) -> None:
    """Stop the page's clock once that many seconds have passed: from then on time is what `let_pass` says."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + after)  # seconds: a number is not taken for milliseconds


@dataclass
class Polls:
    """The requests of live updates that a page has sent, counted."""

    requests: list[Request] = field(default_factory=list)

    def note(self, request: Request) -> None:
        if "/live/" in request.url:
            self.requests.append(request)

    def __len__(self) -> int:
        return len(self.requests)


@pytest.fixture
def polls(context: BrowserContext) -> Polls:
    polls = Polls()
    context.on("request", polls.note)
    return polls


@pytest.fixture
def olga(page: Page, base_url: str) -> Iterator[Page]:
    """A page of somebody who has logged in, and in whose console nothing may go wrong.

    Its clock is one that `let_pass` can put forward.
    """
    page.clock.install()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None
    )
    log_in(page, base_url, "olga")
    yield page
    assert faults == []
