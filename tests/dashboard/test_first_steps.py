"""What the start page of a new installation leads to, until the first run."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.live import TICK
from runs.models import Environment, SyncJobRun, User
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in


def steps(client: Client) -> dict[str, str]:
    return {step.name: step.mark.word for step in client.get("/").context["attention"].first_steps}


def test_an_empty_installation_begins_with_an_environment(superuser: User) -> None:
    Environment.objects.all().delete()
    client = logged_in(superuser)
    words = ["Next", "Later", "Later", "Later", "Later"]
    assert steps(client) == dict(zip(("environment", "integration", "account", "job", "run"), words, strict=True))
    page = client.get("/").content.decode()
    assert "Nothing has run yet" in page
    assert 'href="/settings/environments/new/"' in page
    assert "All good" not in page


def test_what_there_is_already_is_done(superuser: User, environment: Environment) -> None:
    client = logged_in(superuser)
    assert steps(client)["integration"] == "Next"
    integration = factories.integration()
    assert 'href="/accounts/new/"' in client.get("/").content.decode()
    factories.account(integration=integration)
    factories.job(integration=integration)
    assert list(steps(client).values()) == ["Done", "Done", "Done", "Done", "Next"]
    assert 'href="/jobs/"' in client.get("/").content.decode()


def test_they_are_over_with_the_first_run_and_with_a_schedule(superuser: User, run: SyncJobRun) -> None:
    states.daemon()
    client = logged_in(superuser)
    assert steps(client) == {}
    SyncJobRun.objects.all().delete()
    assert steps(client) != {}
    factories.trigger(job=run.sync_job, account=run.integrated_account)
    assert steps(client) == {}


def test_nobody_is_led_to_what_they_may_not_do(viewer: Client, outsider: Client) -> None:
    """Nor told of what is in environments that they don't see."""
    factories.integration()
    page = viewer.get("/").content.decode()
    assert "/add/" not in page
    assert steps(outsider)["integration"] == "Next"


def test_the_open_page_follows_them(superuser: User, environment: Environment) -> None:
    client = logged_in(superuser)
    version = client.get("/").context["attention"].version
    assert client.get(f"/attention/live/?v={version}", headers=HTMX).status_code == 204
    factories.integration()
    with time_machine.travel(timezone.now() + timedelta(seconds=TICK), tick=True):
        assert client.get(f"/attention/live/?v={version}", headers=HTMX).status_code == 200
