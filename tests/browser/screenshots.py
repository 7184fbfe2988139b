"""Every page in both themes at three widths, as pictures to look at: `make screenshots`.

The six pictures of a page are put side by side on a sheet, `sheet-NAME.png`.

`python -m tests.browser.screenshots FOLDER NAME…` makes those of some pages alone, or of all `forms`, `dialogs` or the
`frame`. Without a name those of the README are made anew as well.

The installation is real: migrated, populated, and served by `manage.py serve`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, MISSING, executable
from tests.browser.scene import WIDTHS, Scene, log_in, look_at, opened, served
from tests.processes import PROJECT

THEMES = ("light", "dark")
OF_THE_README = {"runs": "light", "run-failed": "dark"}
PICTURES = Path(__file__).with_name("pictures")
SUFFIXES = [f"-{width}-{theme}" for theme, width in product(THEMES, WIDTHS)]


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
            camera = Camera(context.new_page(), scene, wanted.folder, f"{width}-{theme}")
            camera.shoot_some(wanted.names) if wanted.names else camera.shoot_all()
            context.close()
        if not wanted.names:
            shoot_for_readme(browser, scene)
        lay_out_sheets(browser, wanted.folder)
        browser.close()


def shoot_for_readme(browser: Browser, scene: Scene) -> None:
    """What stands in the README: the first screen of some pages, each in one theme."""
    for name, theme in OF_THE_README.items():
        size = {"width": 1440, "height": WIDTHS[1440]}
        context = browser.new_context(base_url=scene.url, viewport=size, color_scheme=theme)
        camera = Camera(context.new_page(), scene, PICTURES, theme)
        camera.log_in("operator")
        look_at(camera.page, scene.paths[name])
        camera._shoot(name)
        context.close()


def lay_out_sheets(browser: Browser, folder: Path) -> None:
    """A sheet for each page that there are pictures of, narrow ones first, the light theme above the dark one."""
    page = browser.new_page(viewport={"width": 1800, "height": 900})
    for name in sorted({picture.stem.removesuffix(SUFFIXES[0]) for picture in folder.glob(f"*{SUFFIXES[0]}.png")}):
        pictures = [folder / f"{name}{suffix}.png" for suffix in SUFFIXES]
        html = folder / "sheet.html"  # a file, as only a file may show other files
        html.write_text(_sheet([picture for picture in pictures if picture.exists()]))
        page.goto(html.as_uri())
        page.screenshot(path=folder / f"sheet-{name}.png", full_page=True)
        html.unlink()
    page.close()


def _sheet(pictures: list[Path]) -> str:
    """The widths as they are to each other, and of a very long page its beginning alone."""
    images = "".join(f'<div><img src="{quote(picture.name)}"></div>' for picture in pictures)
    columns = " ".join(f"{width}fr" for width in WIDTHS)
    style = (
        "body { margin: 12px; background: #888; } img { width: 100%; display: block; }"
        f"main {{ display: grid; grid-template-columns: {columns}; gap: 12px; }}"
        "div { max-height: 1400px; overflow: hidden; }"
    )
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><main>{images}</main>'


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Takes pictures of the pages.")
    parser.add_argument("folder", nargs="?", type=Path, default=PROJECT / "test-results" / "screenshots")
    parser.add_argument("names", nargs="*", help="of pages; without one, all of them")
    return parser.parse_args()


@dataclass(frozen=True)
class Camera:
    """A page, and where its pictures go."""

    page: Page
    scene: Scene
    folder: Path
    suffix: str

    def log_in(self, username: str) -> None:
        log_in(self.page, self.scene.url, username)

    def shoot_all(self) -> None:
        self.page.goto("/login/")
        self._shoot("login")
        self.log_in("operator")
        for name, path in self.scene.paths.items():
            look_at(self.page, path)
            self._shoot(name, full_page=True)
        self._shoot_forms()
        self._shoot_dialogs()
        self._shoot_frame()
        self.page.context.clear_cookies()
        self.log_in("nobody-yet")
        for name in (
            *("attention", "runs", "jobs", "schedules", "webhooks", "webhook-form", "accounts", "audit", "errors"),
        ):
            look_at(self.page, self.scene.paths[name])
            self._shoot(f"empty-{name}")

    def shoot_some(self, names: list[str]) -> None:
        self.log_in("operator")
        for name in names:
            if name in GROUPS:
                GROUPS[name](self)
                continue
            look_at(self.page, self.scene.paths[name])
            self._shoot(name, full_page=True)

    def _shoot_dialogs(self) -> None:
        for name in opened(self.page, self.scene.paths):
            self._shoot(name)

    def _shoot_frame(self) -> None:
        """The navigation folded, rows with more air, and a refusal."""
        look_at(self.page, "/settings/")
        self.page.get_by_label("Rows of lists").select_option("comfortable")
        self.page.get_by_label("Navigation").select_option("narrow")
        self.page.get_by_role("button", name="Apply").click()
        for name in ("runs", "errors", "health"):
            look_at(self.page, self.scene.paths[name])
            self._shoot(f"folded-{name}")
        self.page.context.clear_cookies()
        self.log_in("nobody-yet")
        look_at(self.page, "/settings/people/")
        self._shoot("forbidden")
        self.page.context.clear_cookies()
        self.log_in("operator")

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
        look_at(self.page, self.scene.paths["schedule-edit"])
        self.page.get_by_label("When").first.fill("0 0 30 2 *")
        self.page.get_by_role("button", name="Save").click()
        self._shoot("schedule-refused", full_page=True)

    def _shoot_written_jobs(self) -> None:
        """Faults found while one types, what an import would change, and somebody who was faster."""
        definition = self.page.get_by_label("Arguments and resources")
        look_at(self.page, self.scene.paths["job-edit"])
        whole = definition.input_value()
        definition.fill(whole.replace("depends_on: countries", "depends_on: county").replace("args.watched", "arg.w"))
        self.page.locator(".faults").wait_for()
        self._shoot("job-faults", full_page=True)
        look_at(self.page, "/jobs/import/")
        text = f"label: Places\nintegration_name: zendesk\n{whole.replace('persist: true', 'persist: false')}"
        self.page.get_by_label("Or its text").fill(text)
        self.page.get_by_role("button", name="Show what it changes").click()
        self._shoot("job-import-preview", full_page=True)
        look_at(self.page, self.scene.paths["job-edit"])
        self.page.get_by_label("Label").fill("Places, mine")
        self.page.locator("[name=seen]").evaluate("field => { field.value = ''; }")
        self.page.get_by_role("button", name="Save").click()
        self._shoot("job-conflict", full_page=True)

    def _shoot(self, name: str, *, full_page: bool = False) -> None:
        self.page.screenshot(path=self.folder / f"{name}-{self.suffix}.png", full_page=full_page)


GROUPS: dict[str, Callable[[Camera], None]] = {
    "forms": Camera._shoot_forms,
    "dialogs": Camera._shoot_dialogs,
    "frame": Camera._shoot_frame,
}


if __name__ == "__main__":
    main()
