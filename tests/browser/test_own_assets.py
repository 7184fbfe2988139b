"""Every page loads from here alone, keeps to the policy, and weighs little."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.acceptance.deck import Deck
from tests.browser import scene
from tests.dashboard.routes import access_of, page_routes

MOST_BYTES = 60_000  # of styles, scripts and icons, as they come over the wire
NOT_PAGES = {"healthz", "readyz", "metrics"}
FILES = (".csv", ".jsonl")  # a browser saves them, and shows nothing
ASKED_WITH = {"bulk/new/": scene.PATHS["bulk-rerun"]}  # it answers only a question that names a set of runs
PATHS = [
    ASKED_WITH.get(route, f"/{route}")
    for route in page_routes()
    if "<" not in route and route not in NOT_PAGES and not route.endswith(FILES) and access_of(route).get is not None
]
VIOLATIONS = "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.blockedURI}`))"
PARTS = """() => [...document.querySelectorAll("link[rel~=stylesheet], link[rel~=icon], script[src], svg use")]
    .map(part => new URL(part.href?.baseVal ?? part.href ?? part.src, location).href.split("#")[0])"""


@dataclass
class Watch:
    """What a browser has complained of, and which other hosts it has asked."""

    base_url: str
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.complaints.append(f"asked {request.url}")


def watched(page: Page, base_url: str) -> Watch:
    watch = Watch(base_url)
    page.add_init_script(VIOLATIONS)
    page.on("console", watch.hear)
    page.on("request", watch.see)
    return watch


@pytest.fixture
def pages(deck: Deck) -> list[str]:
    """Those without an id in their address, and those of a run, its job and its schedule."""
    run = deck.ended(deck.create_run())
    of_run = [f"/runs/{run['id']}/{part}" for part in ("", "log/", "matrix/", "compare/", "rerun/")]
    return [*PATHS, *of_run, f"/jobs/{run['sync_job_id']}/run/", "/integrations/catalog/zendesk/"]


def visit(page: Page, path: str) -> None:
    """What answers with a refusal is another page than the one that is meant."""
    answer = page.goto(path)
    assert answer is not None and answer.ok, f"{path}: {answer and answer.status}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_the_policy_or_asks_anybody_else(
    olga: Page, base_url: str, pages: list[str], theme: Any
) -> None:
    watch = watched(olga, base_url)
    olga.emulate_media(color_scheme=theme)
    for path in pages:
        visit(olga, path)
        olga.wait_for_load_state("networkidle")
        assert watch.complaints == [], path


def test_what_breaks_the_policy_would_be_heard(olga: Page, context: BrowserContext, base_url: str) -> None:
    """On a page of its own: that of olga bears no complaints."""
    page = context.new_page()
    watch = watched(page, base_url)
    page.goto("/jobs/")
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/pixel'}))")
    page.wait_for_function("document.images[0].complete")
    page.evaluate("0")
    assert any("elsewhere.example" in complaint for complaint in watch.complaints)


def test_no_page_takes_more_than_60_kb_of_styles_scripts_and_icons(olga: Page, deck: Deck, pages: list[str]) -> None:
    weights: dict[str, int] = {}
    for path in pages:
        visit(olga, path)
        parts = set(olga.evaluate(PARTS))
        weights |= {part: weight_of(deck, part) for part in parts - weights.keys()}
        assert len(parts) >= 8, path
        assert sum(weights[part] for part in parts) < MOST_BYTES, {part: weights[part] for part in parts}


def weight_of(deck: Deck, address: str) -> int:
    """The bytes that come over the wire."""
    answer = deck.api.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip", address
    return int(answer.headers["Content-Length"])
