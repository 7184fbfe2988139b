"""Every page in both themes at three widths, as pictures to look at: `make screenshots [folder]`.

The installation is real: migrated, populated, and served by `manage.py serve`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from playwright.sync_api import Page, sync_playwright

from runs.addresses import any_free_port
from tests.browser.chromium import ARGUMENTS, MISSING, executable
from tests.processes import PROJECT, Processes, processes

WIDTHS = {360: 780, 1024: 800, 1440: 900}
THEMES = ("light", "dark")
PASSWORD = "pw-for-tests-1"


def main() -> None:
    chromium = executable()
    if chromium is None:
        sys.exit(MISSING)
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else PROJECT / "test-results" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, _served(Path(data_dir)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for theme in THEMES:
            for width, height in WIDTHS.items():
                context = browser.new_context(
                    base_url=url, viewport={"width": width, "height": height}, color_scheme=theme
                )
                _shoot_all(context.new_page(), folder, f"{width}-{theme}")
                context.close()
        browser.close()


@contextmanager
def _served(data_dir: Path) -> Iterator[str]:
    """The address of a populated installation."""
    port = any_free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "DATA_DIR": str(data_dir),
        "PUBLIC_URL": url,
        "DATABASE_URL": "",
        "CELERY_BROKER_URL": "filesystem://",
    }
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="dashboard.settings")
    with processes(data_dir, environment) as started:
        _populate(started)
        started.manage("serve", "--port", str(port)).says("Serving")
        yield url


def _populate(started: Processes) -> None:
    migrated = started.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    django.setup()
    from tests import factories
    from tests.browser import cast

    _PATHS.update({f"run-{name.replace(' ', '-')}": f"/runs/{run.pk}/" for name, run in cast.populate().items()})
    factories.user("operator", is_superuser=True)
    factories.user("nobody-yet")
    _PATHS["start"] = f"/jobs/{cast.SyncJob.objects.get(label='Tickets and comments').pk}/run/"


_PATHS = {
    "attention": "/",
    "runs": "/runs/",
    "runs-filtered": "/runs/?status=failed&since=nonsense",
    "runs-nothing": "/runs/?q=nothing+is+called+this",
    "jobs": "/jobs/",
    "accounts": "/accounts/",
    "records": "/records/",
    "daemons": "/daemons/",
    "password": "/password/",
    "not-found": "/no/such/page/",
}


def _shoot_all(page: Page, folder: Path, suffix: str) -> None:
    page.goto("/login/")
    page.screenshot(path=folder / f"login-{suffix}.png")
    _log_in(page, "operator")
    for name, path in _PATHS.items():
        page.goto(path)
        _settle(page)
        page.screenshot(path=folder / f"{name}-{suffix}.png", full_page=True)
    _shoot_dialogs(page, folder, suffix)
    page.context.clear_cookies()
    _log_in(page, "nobody-yet")
    for name in ("attention", "runs", "jobs"):
        page.goto(_PATHS[name])
        page.screenshot(path=folder / f"empty-{name}-{suffix}.png")


def _shoot_dialogs(page: Page, folder: Path, suffix: str) -> None:
    for name, button in (("run-running", "Stop run"), ("run-failed", "Rerun, ignore previous run date")):
        page.goto(_PATHS[name])
        page.get_by_role("link", name=button).click()
        page.get_by_role("dialog").wait_for()
        page.screenshot(path=folder / f"dialog-{name}-{suffix}.png")
    page.goto("/runs/")
    page.locator("details.menu summary").click()
    page.screenshot(path=folder / f"menu-{suffix}.png")


def _log_in(page: Page, username: str) -> None:
    page.goto("/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def _settle(page: Page) -> None:
    """Until the counts have come and the fonts are drawn."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")


if __name__ == "__main__":
    main()
