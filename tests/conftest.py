"""Settings of the suite, made before Django reads them, and the fixed cast of the tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

_FOLDER = Path(tempfile.mkdtemp(prefix="syncdeck-tests-"))
os.environ["DATA_DIR"] = str(_FOLDER)
os.environ["ALLOW_PRIVATE_NETWORKS"] = "true"  # the sources of the tests listen on loopback
os.environ["PUBLIC_URL"] = "http://testserver"
os.environ.setdefault("CELERY_BROKER_URL", "filesystem://")

import pytest  # noqa: E402

from tests import factories  # noqa: E402


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file, as in production: threads and real transactions don't work in memory."""
    from django.conf import settings

    database: dict[str, Any] = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        database["TEST"] = {**database.get("TEST", {}), "NAME": str(_FOLDER / f"test-{worker}.sqlite3")}


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
