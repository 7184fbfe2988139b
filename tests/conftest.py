"""The fixed cast of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests import factories

# Long files first, so that no worker has one alone at the end; the browser's last, as it stays open once it is.
FIRST = ("tests/acceptance/", "tests/commands/", "tests/runs/engine/")
LAST = ("tests/browser/test_accessibility.py", "tests/browser/")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Leave out what is about the other database, which the other leg has, and mark what asks for a database at all.

    The order is set after everybody else's.
    """
    others = [item for item in items if _is_of_another(item)]
    config.hook.pytest_deselected(items=others)
    left_out = set(others)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if _asks_for_the_database(item):
            item.add_marker("database")
    yield
    items.sort(key=_place)


def _asks_for_the_database(item: pytest.Item) -> bool:
    """Everybody else is kept away from it by pytest-django."""
    fixtures = item.fixturenames if isinstance(item, pytest.Function) else []
    return "django_db_setup" in fixtures or item.get_closest_marker("django_db") is not None


def _place(item: pytest.Item) -> int:
    """Between those named in FIRST and LAST, in their own order, stand all others."""
    named = [*FIRST, "", *LAST]
    return next((named.index(part) for part in (*FIRST, *LAST) if item.nodeid.startswith(part)), len(FIRST))


def _is_of_another(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("only_on")
    return mark is not None and mark.args != (connection.vendor,)


@pytest.fixture
def environment(db: None) -> Any:
    return factories.environment()


@pytest.fixture
def run(db: None) -> Any:
    """A created run of a job with two entries, countries and the cities of each."""
    return factories.run()


@pytest.fixture
def superuser(db: None) -> Any:
    return factories.user("admin", is_staff=True, is_superuser=True)
