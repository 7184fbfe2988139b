"""Every page in both themes at three widths, as pictures to look at: `make screenshots`.

`python -m tests.browser.screenshots FOLDER NAME…` makes those of some pages alone.

The installation is real: migrated, populated, and served by `manage.py serve`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, MISSING, executable
from tests.browser.scene import DIALOGS, WIDTHS, log_in, look_at, served
from tests.processes import PROJECT

THEMES = ("light", "dark")


def main() -> None:
    chromium = executable()
    if chromium is None:
        sys.exit(MISSING)
    wanted = _arguments()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, served(Path(data_dir)) as scene, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for theme, (width, height) in product(THEMES, WIDTHS.items()):
            size = {"width": width, "height": height}
            context = browser.new_context(base_url=scene.url, viewport=size, color_scheme=theme)
            camera = Camera(context.new_page(), scene.paths, wanted.folder, f"{width}-{theme}")
            camera.shoot_some(wanted.names) if wanted.names else camera.shoot_all()
            context.close()
        browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Takes pictures of the pages.")
    parser.add_argument("folder", nargs="?", type=Path, default=PROJECT / "test-results" / "screenshots")
    parser.add_argument("names", nargs="*", help="of pages; without one, all of them")
    return parser.parse_args()


@dataclass(frozen=True)
class Camera:
    """A page, and where its pictures go."""

    page: Page
    paths: dict[str, str]
    folder: Path
    suffix: str

    def shoot_all(self) -> None:
        self.page.goto("/login/")
        self._shoot("login")
        log_in(self.page, "operator")
        for name, path in self.paths.items():
            look_at(self.page, path)
            self._shoot(name, full_page=True)
        self._shoot_forms()
        self._shoot_dialogs()
        self.page.context.clear_cookies()
        log_in(self.page, "nobody-yet")
        for name in (
            *("attention", "runs", "jobs", "schedules", "webhooks", "webhook-form", "accounts", "audit", "errors"),
        ):
            look_at(self.page, self.paths[name])
            self._shoot(f"empty-{name}")

    def shoot_some(self, names: list[str]) -> None:
        log_in(self.page, "operator")
        for name in names:
            look_at(self.page, self.paths[name])
            self._shoot(name, full_page=True)

    def _shoot_forms(self) -> None:
        """What a form answers: faults beside their fields, and the secret that is shown once."""
        look_at(self.page, "/webhooks/new/")
        self.page.get_by_label("Address").fill("https://127.0.0.1/hook")
        self.page.get_by_role("button", name="Create webhook").click()
        self._shoot("webhook-refused", full_page=True)
        self.page.get_by_label("Address").fill("https://example.org/hook")
        self.page.get_by_role("button", name="Create webhook").click()
        self._shoot("webhook-created", full_page=True)
        self._shoot_written_jobs()
        look_at(self.page, "/settings/tokens/new/")
        self.page.get_by_label("Name").fill("Nightly export")
        self.page.get_by_role("button", name="Create token").click()
        self._shoot("token-created", full_page=True)
        look_at(self.page, "/settings/people/new/")
        self.page.get_by_label("Login name").fill("no spaces, please")
        self.page.get_by_role("button", name="Create person").click()
        self._shoot("person-refused", full_page=True)
        look_at(self.page, self.paths["schedule-edit"])
        self.page.get_by_label("When").first.fill("0 0 30 2 *")
        self.page.get_by_role("button", name="Save").click()
        self._shoot("schedule-refused", full_page=True)

    def _shoot_written_jobs(self) -> None:
        """Faults found while one types, what an import would change, and somebody who was faster."""
        definition = self.page.get_by_label("Arguments and entries")
        look_at(self.page, self.paths["job-edit"])
        whole = definition.input_value()
        definition.fill(whole.replace("depends_on: countries", "depends_on: county").replace("args.watched", "arg.w"))
        self.page.locator(".faults").wait_for()
        self._shoot("job-faults", full_page=True)
        look_at(self.page, "/jobs/import/")
        text = f"label: Places\nintegration_name: zendesk\n{whole.replace('persist: true', 'persist: false')}"
        self.page.get_by_label("Or its text").fill(text)
        self.page.get_by_role("button", name="Show what it changes").click()
        self._shoot("job-import-preview", full_page=True)
        look_at(self.page, self.paths["job-edit"])
        self.page.get_by_label("Label").fill("Places, mine")
        self.page.locator("[name=seen]").evaluate("field => { field.value = ''; }")
        self.page.get_by_role("button", name="Save").click()
        self._shoot("job-conflict", full_page=True)

    def _shoot_dialogs(self) -> None:
        for name, button in DIALOGS.items():
            look_at(self.page, self.paths[name])
            self.page.get_by_role("link", name=button, exact=True).click()
            self.page.get_by_role("dialog").wait_for()
            self._shoot(f"dialog-{name}")
        look_at(self.page, "/runs/")
        for number in (1, 3):
            self.page.get_by_role("checkbox", name="Select ").nth(number).check()
        self._shoot("runs-selected")
        self.page.get_by_role("button", name="Stop", exact=True).click()
        self.page.get_by_role("dialog").wait_for()
        self._shoot("dialog-bulk")
        look_at(self.page, "/runs/")
        self.page.locator("details.menu summary").click()
        self._shoot("menu")
        look_at(self.page, "/runs/")
        self.page.keyboard.press("?")
        self.page.get_by_role("dialog").wait_for()
        self._shoot("dialog-shortcuts")
        look_at(self.page, "/runs/")
        if more := self.page.locator("details.rest summary").filter(visible=True).all():
            more[0].click()
            self._shoot("more")

    def _shoot(self, name: str, *, full_page: bool = False) -> None:
        self.page.screenshot(path=self.folder / f"{name}-{self.suffix}.png", full_page=full_page)


if __name__ == "__main__":
    main()
