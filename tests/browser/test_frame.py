"""What surrounds the pages: theme, keyboard, narrow screens, and no JavaScript at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.deck import Deck
from tests.browser.scene import log_in

TARGETS = ".dock a, .sections a, .button, select, summary, input:not([type=hidden], [type=checkbox], [type=radio])"
SMALL = """targets => [...document.querySelectorAll(targets)]
    .filter(element => element.checkVisibility() && element.getBoundingClientRect().height < 44)
    .map(element => element.outerHTML)"""
NOBODY = "nobody"  # a group without a daemon
PAGES = [
    *("/", "/runs/", "/jobs/", "/schedules/", "/integrations/", "/integrations/catalog/hubspot/", "/accounts/"),
    *("/records/", "/webhooks/", "/webhooks/new/", "/daemons/", "/password/", "/shortcuts/"),
    *("/settings/", "/settings/environments/", "/settings/environments/new/", "/settings/tokens/"),
    *("/settings/tokens/new/", "/settings/people/", "/settings/people/new/"),
]


@pytest.fixture
def finished(deck: Deck) -> str:
    """The address of a run that has ended."""
    run_id = deck.create_run()
    deck.ended(run_id)
    return f"/runs/{run_id}/"


@pytest.mark.parametrize("width", [360, 1024, 1440])
def test_no_page_scrolls_sideways(olga: Page, finished: str, width: int) -> None:
    olga.set_viewport_size({"width": width, "height": 800})
    for path in [*PAGES, finished]:
        olga.goto(path)
        assert olga.evaluate("document.documentElement.scrollWidth") <= width, path


class TestOnAPhone:
    @pytest.fixture
    def phone(self, olga: Page) -> Page:
        olga.set_viewport_size({"width": 360, "height": 780})
        olga.goto("/daemons/")
        return olga

    def test_four_places_and_more_are_in_sight(self, phone: Page) -> None:
        places = phone.locator(".dock > ul a, .dock summary")
        assert places.count() == 5
        for place in places.all():
            expect(place).to_be_in_viewport(ratio=1)
        expect(phone.locator(".rail")).to_be_hidden()

    def test_more_shows_every_place_and_goes_when_it_is_left(self, phone: Page) -> None:
        opener, places = phone.locator(".dock summary"), phone.locator(".dock .all a")
        expect(places.first).to_be_hidden()
        opener.click()
        assert places.count() == phone.locator(".rail li a").count()
        for place in places.all():
            expect(place).to_be_in_viewport(ratio=1)
        phone.keyboard.press("Escape")
        expect(places.first).to_be_hidden()
        opener.click()
        phone.locator("h1").click()
        expect(places.first).to_be_hidden()
        opener.click()
        phone.locator(".dock .all").get_by_role("link", name="Settings").click()
        expect(phone).to_have_url("/settings/")

    def test_the_dock_shows_the_count_of_the_rail(self, phone: Page) -> None:
        phone.route("**/attention/count/", lambda route: route.fulfill(body="7"))
        phone.reload()
        expect(phone.locator(".dock .badge")).to_have_text("7")


class TestRail:
    def test_folds_to_icons_that_keep_their_names_and_stays_so(self, olga: Page) -> None:
        def width() -> float:
            return float(olga.locator(".rail").evaluate("rail => rail.getBoundingClientRect().width"))

        olga.set_viewport_size({"width": 1440, "height": 800})
        olga.goto("/jobs/")
        wide = width()
        olga.get_by_role("button", name="Collapse").click()
        expect(olga.get_by_role("button", name="Expand")).to_be_visible()
        assert width() < wide / 2
        olga.locator(".rail").get_by_role("link", name="Schedules").click()
        expect(olga).to_have_url("/schedules/")
        assert width() < wide / 2
        olga.get_by_role("button", name="Expand").click()
        expect(olga.get_by_role("button", name="Collapse")).to_be_visible()
        assert width() == wide

    def test_is_icons_on_a_middling_screen_until_one_expands_it(self, olga: Page) -> None:
        olga.set_viewport_size({"width": 1024, "height": 800})
        olga.goto("/jobs/")
        olga.get_by_role("button", name="Expand").click()
        expect(olga.get_by_role("button", name="Collapse")).to_be_visible()


def test_rows_are_36_pixels_high_or_44_as_one_chooses(olga: Page, finished: str) -> None:
    def height() -> float:
        row = olga.locator("table.list tbody tr").first
        return float(row.evaluate("row => row.getBoundingClientRect().height"))

    olga.goto("/runs/")
    assert height() == 36
    olga.goto("/settings/")
    olga.get_by_label("Rows of lists").select_option("comfortable")
    olga.get_by_role("button", name="Apply").click()
    expect(olga.locator("html[data-density=comfortable] body")).to_be_visible()
    olga.goto("/runs/")
    assert height() == 44


def test_print_is_the_content_alone_in_ink_on_paper(olga: Page, finished: str) -> None:
    olga.emulate_media(media="print", color_scheme="dark")
    olga.goto(finished)
    for part in (".rail", ".dock", ".top", ".button >> nth=0"):
        expect(olga.locator(part)).to_be_hidden()
    expect(olga.locator("#facts")).to_be_visible()
    assert olga.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    olga.goto("/runs/")
    assert olga.locator("thead th").first.evaluate("head => getComputedStyle(head).position") == "static"


def test_targets_are_large_enough_for_fingers_on_a_phone(olga: Page, finished: str) -> None:
    olga.set_viewport_size({"width": 360, "height": 800})
    for path in [*PAGES, finished]:
        olga.goto(path)
        assert olga.evaluate(SMALL, TARGETS) == [], path


def test_the_theme_follows_the_system_until_one_is_chosen(olga: Page) -> None:
    def background() -> str:
        return olga.evaluate("getComputedStyle(document.body).backgroundColor")

    olga.emulate_media(color_scheme="dark")
    olga.goto("/runs/")
    dark = background()
    olga.locator("details.menu summary").click()
    olga.get_by_role("button", name="Light").click()
    expect(olga.locator("html[data-theme=light] body")).to_be_visible()
    assert background() != dark
    olga.emulate_media(color_scheme="light")
    light = background()
    olga.emulate_media(color_scheme="dark")
    assert background() == light


def test_a_menu_that_is_left_gives_the_focus_back(olga: Page) -> None:
    olga.goto("/")
    opener = olga.locator("details.menu summary")
    opener.press("Enter")
    olga.keyboard.press("Tab")
    olga.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(olga.locator("details.menu")).not_to_have_attribute("open", "")


@pytest.mark.parametrize("width", [360, 1440])
def test_the_menu_is_named_for_those_who_do_not_see_it(olga: Page, width: int) -> None:
    olga.set_viewport_size({"width": width, "height": 800})
    olga.goto("/")
    expect(olga.locator("details.menu summary")).to_have_accessible_name("Menu of olga")


def test_the_search_is_a_key_away(olga: Page, finished: str) -> None:
    olga.goto("/jobs/")
    olga.keyboard.press("/")
    olga.keyboard.type("acme")
    olga.keyboard.press("Enter")
    expect(olga).to_have_url("/runs/?q=acme")
    expect(olga.locator("tbody tr").first).to_contain_text("acme")


def test_the_id_of_a_run_can_be_copied(olga: Page, finished: str) -> None:
    olga.context.grant_permissions(["clipboard-read", "clipboard-write"])
    olga.goto(finished)
    olga.locator("#facts .copy").click()
    assert olga.evaluate("navigator.clipboard.readText()") == finished.split("/")[2]


class TestWithoutJavaScript:
    @pytest.fixture
    def plain(self, browser: Browser, base_url: str) -> Iterator[Page]:
        context = browser.new_context(base_url=base_url, java_script_enabled=False)
        page = context.new_page()
        log_in(page, base_url, "olga")
        yield page
        context.close()

    def test_a_run_is_started_and_run_again(self, plain: Page, deck: Deck, finished: str) -> None:
        plain.goto(finished)
        plain.locator("#act-rerun").click()
        plain.get_by_role("button", name="Rerun").click()
        expect(plain.locator("#facts")).to_contain_text("Reruns")
        deck.ended(plain.url.rstrip("/").rpartition("/")[2])
        plain.reload()
        expect(plain.locator("#summary")).to_contain_text("Completed in")

    def test_a_run_is_found_opened_and_stopped(self, plain: Page, deck: Deck) -> None:
        waiting = deck.create_run(daemon_group_key=NOBODY, force=True)
        plain.goto("/runs/?status=created")
        plain.locator(f"#run-{waiting} .what a").first.click()
        plain.get_by_role("link", name="Stop run").click()
        plain.get_by_role("button", name="Stop run").click()
        expect(plain.locator("#summary")).to_contain_text("Stopped by olga")
        assert deck.run(waiting)["status"] == "stopped"

    def test_ticked_runs_are_stopped(self, plain: Page, deck: Deck) -> None:
        waiting = [deck.create_run(daemon_group_key=NOBODY, args={"n": number}, force=True) for number in range(2)]
        plain.goto("/runs/")
        for run_id in waiting:
            plain.locator(f"#run-{run_id}").get_by_role("checkbox").check()
        plain.get_by_role("button", name="Stop", exact=True).click()
        expect(plain.locator(".question")).to_contain_text("Stop 2 runs?")
        plain.get_by_role("button", name="Stop 2 runs").click()
        assert "/bulk/" in plain.url
        assert {deck.ended(run_id)["status"] for run_id in waiting} == {"stopped"}

    def test_the_list_is_filtered(self, plain: Page, finished: str) -> None:
        plain.goto("/runs/")
        plain.locator("#refine > summary").click()
        plain.locator("select[name=trigger]").select_option("api")
        plain.get_by_role("button", name="Apply").click()
        expect(plain.locator(f"a[href='{finished}']")).to_be_visible()

    def test_nothing_claims_to_be_live(self, plain: Page) -> None:
        plain.goto("/runs/")
        expect(plain.locator("#live-state")).to_be_hidden()
