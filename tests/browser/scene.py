"""A populated installation that is being served, and the addresses of all its pages: to take pictures, and to test.

`python -m tests.browser.scene` fills an installation that has been migrated, and prints the addresses in it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, Page

from runs.addresses import any_free_port
from tests.processes import PROJECT, processes

PASSWORD = "pw-for-tests-1"
WIDTHS = {360: 780, 1024: 800, 1440: 900}
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
    "kept-aside": "/errors/kept-aside/",
    "kept-aside-nothing": "/errors/kept-aside/?code=nothing&run=nonsense",
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


# What a link on a page opens in place.
DIALOGS = {
    "run-running": "Stop run",
    "run-stopping": "Force stop",
    "run-completed": "Rerun",
    "run-failed": "Rerun, ignore previous run date",
    "webhook-off": "Delete",
    "schedule-edit": "Delete",
    "job": "Run",
    "job-wide": "Delete",
}


_sessions: dict[tuple[str, str], list[Any]] = {}  # the cookies of somebody at an address


@dataclass(frozen=True)
class Scene:
    """A populated installation that is being served, and its pages by name."""

    url: str
    paths: dict[str, str]


@contextmanager
def served(data_dir: Path) -> Iterator[Scene]:
    """Migrated, populated, and served by `manage.py serve`, on SQLite."""
    port = any_free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "DATA_DIR": str(data_dir),
        "PUBLIC_URL": url,
        "DATABASE_URL": "",
        "CELERY_BROKER_URL": "filesystem://",
        "ALLOW_PRIVATE_NETWORKS": "false",
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    with processes(data_dir, environment) as started:
        migrated = started.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        paths = _populated_elsewhere(environment)
        started.manage("serve", "--port", str(port)).says("Serving")
        yield Scene(url, PATHS | paths)


@contextmanager
def logged_in(browser: Browser, scene: Scene, username: str) -> Iterator[Page]:
    """A window of its own, in which somebody has logged in."""
    context = browser.new_context(base_url=scene.url)
    page = context.new_page()
    log_in(page, scene.url, username)
    yield page
    context.close()


def log_in(page: Page, url: str, username: str) -> None:
    """By the form the first time, from then on by the session that this gave: a password's check is made to be slow."""
    session = _sessions.get((url, username))
    if session is None:
        page.goto(f"{url}/login/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{url}/")
        _sessions[url, username] = page.context.cookies()
    else:
        page.context.add_cookies(session)


def look_at(page: Page, path: str) -> None:
    """Open the page, and wait until its counts have come and its fonts are drawn."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")


def too_wide(page: Page, name: str, sizes: Mapping[int, int]) -> list[str]:
    """Of windows of these widths and heights those that the page is wider than, each in a sentence."""
    found = []
    for width, height in sizes.items():
        page.set_viewport_size({"width": width, "height": height})
        if (beyond := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            found.append(f"{name}: {beyond} px wider than a window of {width} px")
    return found


def opened(page: Page, paths: dict[str, str]) -> Iterator[str]:
    """Open one dialog or menu after the other; the name of each, while it stands open."""
    for name, link in DIALOGS.items():
        look_at(page, paths[name])
        page.get_by_role("link", name=re.compile(f"^{link}( from .*)?$")).click()
        page.get_by_role("dialog").wait_for()
        yield f"dialog-{name}"
    look_at(page, "/runs/")
    for number in (1, 3):
        page.get_by_role("checkbox", name="Select ").nth(number).check()
    yield "runs-selected"
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").wait_for()
    yield "dialog-bulk"
    look_at(page, "/runs/")
    page.locator("details.menu summary").click()
    yield "menu"
    look_at(page, "/runs/")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    yield "dialog-shortcuts"
    look_at(page, "/runs/")
    if more := page.locator("details.rest summary").filter(visible=True).all():
        more[0].click()
        yield "more"


def _populated_elsewhere(environment: dict[str, str]) -> dict[str, str]:
    """In a process of its own: this one may have been set up for another database."""
    command = [sys.executable, "-m", "tests.browser.scene"]
    told = subprocess.run(command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True)
    paths: dict[str, str] = json.loads(told.stdout)
    return paths


def populated() -> dict[str, str]:
    """The addresses of the pages whose names contain an id. Django is set up here: it had to wait for the settings."""
    django.setup()
    from runs.models import CronTrigger, Role
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
    factories.user("vera", role=Role.VIEWER).environments.add(account.environment)
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
        "dry-run": f"{job}/dry-run/",
        "dry-run-long": f"{jobs['long']}dry-run/",
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
        "account-new": "/accounts/new/",
        "account-new-key": f"/accounts/new/?integration={account.integration_id}",
    }
    paths |= _in_browsers(cast_accounts.in_browsers(account.environment))
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


def _in_browsers(accounts: dict[str, Any]) -> dict[str, str]:
    paths = {f"account-connect-{name}": f"/accounts/{row.pk}/connect/" for name, row in accounts.items()}
    paths |= {f"account-connected-{name}": f"/accounts/{row.pk}/" for name, row in accounts.items()}
    return paths | {"account-new-browser": f"/accounts/new/?integration={accounts['again'].integration_id}"}


if __name__ == "__main__":
    print(json.dumps(populated()))
