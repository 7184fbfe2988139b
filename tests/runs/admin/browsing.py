"""Browsers of the people who use the admin, and how to read what it tells them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from runs.models import Environment, RunStatus, SyncJobRun
from tests import factories


def staff(*codenames: str, environments: tuple[Environment, ...] = (), **over: Any) -> Client:
    """The browser of somebody with these permissions, who is a member of these environments."""
    person = factories.user("staff", **over)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    person.environments.set(environments)
    browser = Client()
    browser.force_login(person)
    return browser


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:runs_{name}", args=args)


def told(response: Any) -> list[str]:
    """The messages on the page."""
    return [str(message) for message in response.context["messages"]]


def act(browser: Client, action: str, *runs: SyncJobRun) -> Any:
    data = {"action": action, "_selected_action": [str(run.id) for run in runs]}
    return browser.post(page("syncjobrun_changelist"), data, follow=True)


def end(run: SyncJobRun) -> None:
    SyncJobRun.objects.filter(id=run.id).update(status=RunStatus.COMPLETED, finished_at=timezone.now())
