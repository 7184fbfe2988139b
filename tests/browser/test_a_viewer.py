"""Somebody who may only look: no page has anything to press, and whatever is sent is refused."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.scene import Scene, logged_in

# What is everybody's own: how the pages look, their password, settings and views, and the way out.
OWN = ("/look/", "/logout/", "/password/", "/settings/", "/shortcuts/", "/views/")
PRESSED = """() => [...document.querySelectorAll("form[method=post], [hx-post], button[formaction]")].map(
    element => element.getAttribute("hx-post") || element.getAttribute("formaction") || element.action)"""
ASKED = """() => [...document.querySelectorAll("main a[href]")].map(
    link => new URL(link.getAttribute("href"), document.baseURI).pathname).filter(
    path => /\\/(stop|force-stop|rerun|edit|new|delete|run|schedule|credentials|revoke|cancel)\\/$/.test(path)
        && !/^\\/jobs\\/[^/]+\\/edit\\/$/.test(path))"""  # there a viewer reads a job's definition
TICKED = "() => document.querySelectorAll('main table input[type=checkbox]').length"


@pytest.fixture
def vera(browser: Browser, scene: Scene) -> Iterator[Page]:
    with logged_in(browser, scene, "vera") as page:
        yield page


def paths_of(addresses: list[str]) -> set[str]:
    return {urlsplit(address).path for address in addresses}


def test_sees_no_action_on_any_page(vera: Page, scene: Scene) -> None:
    opened = 0
    for name, path in scene.paths.items():
        answer = vera.goto(path, wait_until="domcontentloaded")
        assert answer is not None and answer.status in (200, 403, 404), name
        opened += answer.status == 200
        assert [path for path in paths_of(vera.evaluate(PRESSED)) if not path.startswith(OWN)] == [], name
        assert vera.evaluate(ASKED) == [], name
        assert vera.evaluate(TICKED) == 0, name
    assert opened > len(scene.paths) / 2


def test_an_operator_is_offered_them_on_the_same_pages(operator: Page, scene: Scene) -> None:
    """Else the test above would look for the wrong things."""
    operator.goto(scene.paths["run-running"])
    assert any(path.endswith("/stop/") for path in operator.evaluate(ASKED))
    operator.goto("/runs/")
    assert operator.evaluate(TICKED) > 0
    operator.goto(scene.paths["webhook-failing"])
    assert [path for path in paths_of(operator.evaluate(PRESSED)) if not path.startswith(OWN)]


@pytest.mark.parametrize(
    ("name", "action"),
    [("run-running", "stop/"), ("run-stopping", "force-stop/"), ("run-failed", "rerun/"), ("job", "run/"),
     ("job", "delete/"), ("account", "credentials/"), ("webhook-failing", "delete/")],
)  # fmt: skip
def test_is_told_no_by_whatever_is_sent(vera: Page, scene: Scene, name: str, action: str) -> None:
    vera.goto("/runs/")
    [cookie] = [each for each in vera.context.cookies() if "csrf" in each["name"]]
    headers = {"X-CSRFToken": cookie["value"], "Referer": scene.url}
    answer = vera.request.post(f"{scene.url}{scene.paths[name]}{action}", headers=headers, form={"reason": "why not"})
    assert answer.status == 403
    assert "Not for you" in answer.text()  # and not that the form was too old


def test_is_told_no_by_a_bulk_action(vera: Page, scene: Scene) -> None:
    vera.goto("/runs/")
    [cookie] = [each for each in vera.context.cookies() if "csrf" in each["name"]]
    headers = {"X-CSRFToken": cookie["value"], "Referer": scene.url}
    form = {"kind": "stop", "scope": "matching", "filter": ""}
    assert vera.request.post(f"{scene.url}/bulk/new/", headers=headers, form=form).status == 403
