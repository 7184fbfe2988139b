"""The people who look at pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from runs.models import Environment, Role, SyncJobRun, User
from tests import factories
from tests.dashboard.routes import Rank

HTMX = {"HX-Request": "true"}


def logged_in(person: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(person)
    return client


def member(username: str, environment: Environment, **over: Any) -> User:
    person = factories.user(username, **over)
    person.environments.add(environment)
    return person


def person_of(rank: Rank, environment: Environment) -> User:
    match rank:
        case Rank.CUSTOMER:
            return member("customer", environment, is_staff=False)
        case Rank.SUPERUSER:
            return factories.user("superuser", is_superuser=True)
        case _:
            return member(rank.name.lower(), environment, role=Role(rank.name.lower()))


@pytest.fixture
def operator(environment: Environment) -> Client:
    """May see the environment, and start, stop and rerun its runs."""
    return logged_in(member("olga", environment, may_operate=True))


@pytest.fixture
def viewer(environment: Environment) -> Client:
    """May see the environment."""
    return logged_in(member("victor", environment))


@pytest.fixture
def outsider(db: None) -> Client:
    """May operate, but in another environment."""
    return logged_in(member("otto", factories.environment("Elsewhere"), may_operate=True))


@pytest.fixture
def run_url(run: SyncJobRun) -> str:
    return f"/runs/{run.pk}/"


@pytest.fixture
def editor(environment: Environment) -> Client:
    """May see the environment, and write its jobs."""
    person = member("edda", environment)
    rights = Permission.objects.filter(codename__in=["add_syncjob", "change_syncjob", "delete_syncjob"])
    person.user_permissions.set(rights)
    return logged_in(person)
