"""The fixed cast of the tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tests import factories


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database: the other leg of the suite has it."""
    others = [item for item in items if _is_of_another(item)]
    config.hook.pytest_deselected(items=others)
    left_out = set(others)
    items[:] = [item for item in items if item not in left_out]


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
