"""The fixed cast of the tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories


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
