"""No serious finding of axe on any page, nor in what opens on one: on a desk and a phone, by day and by night.

And nothing is wider than the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.browser.scene import WIDTHS, Scene, log_in, opened, too_wide

# Lines further down are like those above them; each costs the time of many elements.
ALIKE = "tbody tr:nth-of-type(n+26), ol > li:nth-of-type(n+26), pre > :nth-child(n+60)"
SERIOUS = ("serious", "critical")
RUN = """async ({alike, rules}) => {
  const rest = [...document.querySelectorAll(alike)];
  const options = {resultTypes: ["violations"], preload: false, ...(rules && {runOnly: rules})};
  return (await axe.run(rest.length ? {exclude: rest} : document, options)).violations;
}"""
SETTLED = "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"


@dataclass
class Inspector:
    """Runs axe over what a page shows, and keeps what it finds."""

    page: Page
    findings: list[str] = field(default_factory=list)

    def inspect(self, name: str) -> None:
        """Everything in the light theme; the dark one differs by its colours alone."""
        self.page.wait_for_function(SETTLED)
        self._measure(name)
        self.page.evaluate(AXE_SCRIPT)
        self._run(f"{name}, light")
        self.page.emulate_media(color_scheme="dark")
        self._run(f"{name}, dark", "color-contrast")
        self.page.emulate_media(color_scheme="light")

    def _measure(self, name: str) -> None:
        """Also in a window of middle width, of which a desk's is made for as long."""
        wide = self.page.viewport_size
        assert wide is not None
        widths = {wide["width"], 1024} if wide["width"] > 1024 else {wide["width"]}
        self.findings.extend(too_wide(self.page, name, dict.fromkeys(widths, wide["height"])))
        self.page.set_viewport_size(wide)

    def _run(self, name: str, *rules: str) -> None:
        for finding in self.page.evaluate(RUN, {"alike": ALIKE, "rules": list(rules) or None}):
            if finding["impact"] in SERIOUS:
                self.findings.append(f"{name}: {finding['id']} ({finding['impact']}), {finding['help']}")
                self.findings.extend(f"    {_told(node)}" for node in finding["nodes"][:5])


def _told(node: dict[str, Any]) -> str:
    reasons = [check["message"] for check in node["any"] + node["all"] + node["none"]]
    return f"{node['target']}: {'; '.join(reasons)}\n        {node['html'][:200]}"


@pytest.fixture(params=[360, 1440])
def inspector(request: pytest.FixtureRequest, browser: Browser, scene: Scene) -> Iterator[Inspector]:
    size = {"width": request.param, "height": WIDTHS[request.param]}
    # Without motion no colour is caught on its way from one to the other.
    context = browser.new_context(base_url=scene.url, viewport=size, color_scheme="light", reduced_motion="reduce")
    yield Inspector(context.new_page())
    context.close()


def test_no_page_has_a_serious_finding(inspector: Inspector, scene: Scene) -> None:
    inspector.page.goto("/login/")
    inspector.inspect("login")
    log_in(inspector.page, scene.url, "operator")
    for name, path in scene.paths.items():
        inspector.page.goto(path)
        inspector.inspect(name)
    assert inspector.findings == [], "\n".join(inspector.findings)


def test_no_dialog_or_menu_has_a_serious_finding(inspector: Inspector, scene: Scene) -> None:
    log_in(inspector.page, scene.url, "operator")
    for name in opened(inspector.page, scene.paths):
        inspector.inspect(name)
    assert inspector.findings == [], "\n".join(inspector.findings)


def test_a_form_that_is_refused_has_no_serious_finding(inspector: Inspector, scene: Scene) -> None:
    log_in(inspector.page, scene.url, "operator")
    inspector.page.goto("/webhooks/new/")
    inspector.page.get_by_label("Address").fill("https://127.0.0.1/hook")
    inspector.page.get_by_role("button", name="Create webhook").click()
    inspector.page.locator("[aria-invalid]").first.wait_for()
    inspector.inspect("refused")
    assert inspector.findings == [], "\n".join(inspector.findings)


def test_what_is_seriously_wrong_would_be_found(inspector: Inspector) -> None:
    """In either theme: what only one of them makes unreadable, and what has no name in both."""
    inspector.page.goto("/login/")
    inspector.page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button>')")
    inspector.page.evaluate("document.querySelector('h1').style.color = 'light-dark(black, #222)'")
    inspector.inspect("spoilt")
    found = [finding for finding in inspector.findings if not finding.startswith(" ")]
    assert [finding.split(" (")[0] for finding in found] == [
        "spoilt, light: button-name",
        "spoilt, dark: color-contrast",
    ]
