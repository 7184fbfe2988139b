"""Every page in both themes at three widths, as pictures to look at: `make screenshots`.

`python -m tests.browser.screenshots FOLDER NAME…` makes those of some pages alone, or of all `forms`, `dialogs` or the
`frame`.

The installation is real: migrated, populated, and served by `manage.py serve`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import django
from playwright.sync_api import Page, sync_playwright

from runs.addresses import any_free_port
from tests.browser.chromium import ARGUMENTS, MISSING, executable
from tests.processes import PROJECT, processes

WIDTHS = {360: 780, 1024: 800, 1440: 900}
THEMES = ("light", "dark")
PASSWORD = "pw-for-tests-1"
PATHS = {
    "attention": "/",
    "runs": "/runs/",
    "runs-filtered": "/runs/?status=failed&since=nonsense",
    "runs-nothing": "/runs/?q=nothing+is+called+this&not_status=failed",
    "runs-narrowed": "/runs/?status=failed&status=completed&trigger=schedule&not_job=Countries&over=5s&since=30d",
    "jobs": "/jobs/",
    "jobs-nothing": "/jobs/?q=nothing+is+called+this",
    "job-new": "/jobs/new/",
    "job-import": "/jobs/import/",
    "schedules": "/schedules/",
    "integrations": "/integrations/",
    "catalog-entry": "/integrations/catalog/hubspot/",
    "accounts": "/accounts/",
    "bulk": "/bulk/",
    "bulk-stop": "/bulk/new/?kind=stop&scope=matching&filter=status%3Drunning%2Cstopped",
    "bulk-rerun": "/bulk/new/?kind=rerun&scope=matching&filter=",
    "bulk-unreadable": "/bulk/new/?kind=stop&scope=matching&filter=since%3Dnonsense",
    "errors": "/errors/",
    "errors-month": "/errors/?window=30d&sort=count",
    "errors-nothing": "/errors/?q=nothing+is+called+this&window=nonsense",
    "accounts-late": "/accounts/?state=late",
    "accounts-stalest": "/accounts/?sort=fresh",
    "accounts-nothing": "/accounts/?q=nothing+is+called+this",
    "audit": "/audit/",
    "audit-nothing": "/audit/?q=nothing+is+called+this&since=nonsense",
    "records": "/records/",
    "records-nothing": "/records/?record_id=nothing-begins-with-this",
    "records-wrong": "/records/?since=soon&resource=cities",
    "health": "/health/",
    "daemons": "/daemons/",
    "webhooks": "/webhooks/",
    "webhook-form": "/webhooks/new/",
    "password": "/password/",
    "shortcuts": "/shortcuts/",
    "settings": "/settings/",
    "environments": "/settings/environments/",
    "environment-new": "/settings/environments/new/",
    "alerts": "/settings/alerts/",
    "tokens": "/settings/tokens/",
    "token-new": "/settings/tokens/new/",
    "people": "/settings/people/",
    "person-new": "/settings/people/new/",
    "not-found": "/no/such/page/",
}


@dataclass(frozen=True)
class Scene:
    """A populated installation that is being served, and its pages by name."""

    url: str
    paths: dict[str, str]


def main() -> None:
    chromium = executable()
    if chromium is None:
        sys.exit(MISSING)
    wanted = _arguments()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, _served(Path(data_dir)) as scene, sync_playwright() as playwright:
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


@contextmanager
def _served(data_dir: Path) -> Iterator[Scene]:
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
        migrated = started.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        paths = _populated()
        started.manage("serve", "--port", str(port)).says("Serving")
        yield Scene(url, PATHS | paths)


def _populated() -> dict[str, str]:
    """The addresses of the pages whose names contain an id. Django is set up here: it had to wait for the settings."""
    django.setup()
    from runs.models import CronTrigger
    from tests import factories
    from tests.browser import (
        cast,
        cast_accounts,
        cast_alerts,
        cast_bulk,
        cast_errors,
        cast_jobs,
        cast_people,
        cast_records,
        cast_webhooks,
    )

    runs = cast.populate()
    account, named_at_length = runs["completed"].integrated_account, runs["long-name"].integrated_account
    cast_accounts.two_weeks(runs)
    cast_accounts.slots(runs["created"].sync_job)
    cast_accounts.deeds(account)
    runs["composed"] = cast.composed(runs["completed"].integrated_account)
    factories.user("operator", is_superuser=True)
    factories.user("nobody-yet")
    people = cast_people.people()
    job = f"/jobs/{runs['running'].sync_job_id}"
    shapes = cast_jobs.jobs(runs["running"].integrated_account.integration)
    jobs = {name: f"/jobs/{shape.pk}/" for name, shape in shapes.items()}
    accounts = list(runs["completed"].integrated_account.integration.accounts.order_by("created_at")[:10])
    errors = cast_errors.groups(runs["completed"].sync_job, accounts)
    webhooks = cast_webhooks.webhooks(runs["failed"])
    stored = cast_records.records(runs["running"])
    failing, schedule = webhooks["failing"], CronTrigger.objects.latest("created_at")
    paths = {
        "job": f"{job}/",
        **{f"job-{name}": path for name, path in jobs.items()},
        "job-scheduled": f"/jobs/{schedule.sync_job_id}/",
        "job-edit": f"{jobs['wide']}edit/",
        "job-edit-many": f"{jobs['many']}edit/",
        "start": f"{job}/run/",
        "schedule": f"{job}/schedule/",
        "schedule-edit": f"/schedules/{schedule.pk}/edit/",
        "webhook-edit": f"/webhooks/{webhooks['off'].pk}/edit/",
        "delivery": f"/webhooks/{failing.pk}/{failing.deliveries.latest('sequence').pk}/",
        "person": f"/settings/people/{people['long'].pk}/",
        "person-out": f"/settings/people/{people['out'].pk}/",
        "token-revoke": f"/settings/tokens/{cast_people.tokens()['used'].pk}/revoke/",
        "run-log": f"/runs/{runs['warned'].pk}/log/",
        "run-log-error": f"/runs/{runs['warned'].pk}/log/?at=first-error",
        "run-matrix": f"/runs/{runs['failed'].pk}/matrix/",
        "run-compare": f"/runs/{runs['failed'].pk}/compare/",
        "run-compare-nothing": f"/runs/{runs['completed'].pk}/compare/",
        "run-compare-others": f"/runs/{runs['many'].pk}/compare/{runs['warned'].pk}/",
        "account": f"/accounts/{account.pk}/",
        "account-long-name": f"/accounts/{named_at_length.pk}/",
        "account-needs-credentials": f"/accounts/{runs['stopped'].integrated_account_id}/",
        "account-credentials": f"/accounts/{account.pk}/credentials/",
    }
    paths |= {f"bulk-{name}": f"/bulk/{action.pk}/" for name, action in cast_bulk.bulk_actions().items()}
    paths["records-many-kinds"] = f"/records/?account={runs['running'].integrated_account_id}"
    paths |= {f"record-{name}": f"/records/{record.pk}/" for name, record in stored.items()}
    rules = cast_alerts.alert_rules(runs["failed"], runs["completed"])
    paths |= {f"alert-{name}": f"/settings/alerts/{rule.pk}/" for name, rule in rules.items()}
    paths |= {
        "alert-new": f"/settings/alerts/new/?environment={runs['failed'].environment_id}",
        "alert-edit": f"/settings/alerts/{rules['lost'].pk}/edit/",
        "alert-delete": f"/settings/alerts/{rules['lost'].pk}/delete/",
        "alert-environment": "/settings/alerts/new/",
    }
    paths |= {f"webhook-{name}": f"/webhooks/{webhook.pk}/" for name, webhook in webhooks.items()}
    paths |= {f"error-{name}": f"/errors/{group.pk}/" for name, group in errors.items()}
    return paths | {f"run-{name}": f"/runs/{run.pk}/" for name, run in runs.items()}


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
        self._log_in("operator")
        for name, path in self.paths.items():
            self._open(path)
            self._shoot(name, full_page=True)
        self._shoot_forms()
        self._shoot_dialogs()
        self._shoot_frame()
        self.page.context.clear_cookies()
        self._log_in("nobody-yet")
        for name in (
            *("attention", "runs", "jobs", "schedules", "webhooks", "webhook-form", "accounts", "audit", "errors"),
        ):
            self._open(self.paths[name])
            self._shoot(f"empty-{name}")

    def shoot_some(self, names: list[str]) -> None:
        self._log_in("operator")
        for name in names:
            if name in GROUPS:
                GROUPS[name](self)
                continue
            self._open(self.paths[name])
            self._shoot(name, full_page=True)

    def _shoot_frame(self) -> None:
        """The navigation folded, rows with more air, and a refusal."""
        self._open("/settings/")
        self.page.get_by_label("Rows of lists").select_option("comfortable")
        self.page.get_by_label("Navigation").select_option("narrow")
        self.page.get_by_role("button", name="Apply").click()
        for name in ("runs", "errors", "health"):
            self._open(self.paths[name])
            self._shoot(f"folded-{name}")
        self.page.context.clear_cookies()
        self._log_in("nobody-yet")
        self._open("/settings/people/")
        self._shoot("forbidden")
        self.page.context.clear_cookies()
        self._log_in("operator")

    def _shoot_forms(self) -> None:
        """What a form answers: faults beside their fields, and the secret that is shown once."""
        self._open("/webhooks/new/")
        self.page.get_by_label("Address").fill("https://127.0.0.1/hook")
        self.page.get_by_role("button", name="Create webhook").click()
        self._shoot("webhook-refused", full_page=True)
        self.page.get_by_label("Address").fill("https://example.org/hook")
        self.page.get_by_role("button", name="Create webhook").click()
        self._shoot("webhook-created", full_page=True)
        self._shoot_written_jobs()
        self._open("/settings/tokens/new/")
        self.page.get_by_label("Name").fill("Nightly export")
        self.page.get_by_role("button", name="Create token").click()
        self._shoot("token-created", full_page=True)
        self._open("/settings/people/new/")
        self.page.get_by_label("Login name").fill("no spaces, please")
        self.page.get_by_role("button", name="Create person").click()
        self._shoot("person-refused", full_page=True)
        self._open(self.paths["schedule-edit"])
        self.page.get_by_label("When").first.fill("0 0 30 2 *")
        self.page.get_by_role("button", name="Save").click()
        self._shoot("schedule-refused", full_page=True)

    def _shoot_written_jobs(self) -> None:
        """Faults found while one types, what an import would change, and somebody who was faster."""
        definition = self.page.get_by_label("Arguments and entries")
        self._open(self.paths["job-edit"])
        whole = definition.input_value()
        definition.fill(whole.replace("depends_on: countries", "depends_on: county").replace("args.watched", "arg.w"))
        self.page.locator(".faults").wait_for()
        self._shoot("job-faults", full_page=True)
        self._open("/jobs/import/")
        text = f"label: Places\nintegration_name: zendesk\n{whole.replace('persist: true', 'persist: false')}"
        self.page.get_by_label("Or its text").fill(text)
        self.page.get_by_role("button", name="Show what it changes").click()
        self._shoot("job-import-preview", full_page=True)
        self._open(self.paths["job-edit"])
        self.page.get_by_label("Label").fill("Places, mine")
        self.page.locator("[name=seen]").evaluate("field => { field.value = ''; }")
        self.page.get_by_role("button", name="Save").click()
        self._shoot("job-conflict", full_page=True)

    def _shoot_dialogs(self) -> None:
        for name, button in (
            ("run-running", "Stop run"),
            ("run-stopping", "Force stop"),
            ("run-completed", "Rerun"),
            ("run-failed", "Rerun, ignore previous run date"),
            ("webhook-off", "Delete"),
            ("schedule-edit", "Delete"),
            ("job", "Run"),
            ("job-wide", "Delete"),
        ):
            self._open(self.paths[name])
            self.page.get_by_role("link", name=re.compile(f"^{button}( from .*)?$")).click()
            self.page.get_by_role("dialog").wait_for()
            self._shoot(f"dialog-{name}")
        self._open("/runs/")
        for number in (1, 3):
            self.page.get_by_role("checkbox", name="Select ").nth(number).check()
        self._shoot("runs-selected")
        self.page.get_by_role("button", name="Stop", exact=True).click()
        self.page.get_by_role("dialog").wait_for()
        self._shoot("dialog-bulk")
        self._open("/runs/")
        self.page.locator("details.menu summary").click()
        self._shoot("menu")
        self._open("/runs/")
        self.page.keyboard.press("?")
        self.page.get_by_role("dialog").wait_for()
        self._shoot("dialog-shortcuts")
        self._open("/runs/")
        if more := self.page.locator("details.rest summary").filter(visible=True).all():
            more[0].click()
            self._shoot("more")

    def _shoot(self, name: str, *, full_page: bool = False) -> None:
        self.page.screenshot(path=self.folder / f"{name}-{self.suffix}.png", full_page=full_page)

    def _open(self, path: str) -> None:
        """The page, once its counts have come and its fonts are drawn."""
        self.page.goto(path)
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("document.fonts.ready")

    def _log_in(self, username: str) -> None:
        self.page.goto("/login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()


# What can be asked for by name beside the pages.
GROUPS: dict[str, Callable[[Camera], None]] = {
    "forms": Camera._shoot_forms,
    "dialogs": Camera._shoot_dialogs,
    "frame": Camera._shoot_frame,
}


if __name__ == "__main__":
    main()
