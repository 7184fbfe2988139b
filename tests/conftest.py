"""The fixed cast of the tests."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from django.db import connection
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests import factories
from tests.acceptance.deck import Prepared, prepared_once
from tests.processes import Processes

# Long ones first, so that no worker has one alone at the end; the browser's last, as it stays open once it is.
FIRST = (
    "tests/acceptance/test_openapi.py",
    "tests/benchmarks/",
    "tests/acceptance/test_demo.py",
    "tests/upgrade/",
    "tests/acceptance/",
    "tests/commands/",
    "tests/runs/engine/",
)
LAST = ("tests/browser/test_accessibility.py", "tests/browser/")
# Files whose tests take long and share nothing.
ONE_BY_ONE = (
    "tests/acceptance/test_accounts.py",
    "tests/acceptance/test_backup.py",
    "tests/acceptance/test_broker_down.py",
    "tests/acceptance/test_datasette.py",
    "tests/acceptance/test_every_kind.py",
    "tests/acceptance/test_hosts.py",
    "tests/acceptance/test_lost_daemons.py",
    "tests/acceptance/test_rapidbridge.py",
    "tests/acceptance/test_schedules.py",
    "tests/acceptance/test_up.py",
    "tests/browser/test_accessibility.py",
    "tests/upgrade/test_side_by_side.py",
    "tests/upgrade/test_upgrade.py",
)


class LongOnesApart(LoadFileScheduling):
    """A worker gets a whole file, but of some files a single test: else the others would wait for it at the end."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(ONE_BY_ONE) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongOnesApart | None:
    """Only in place of distribution by files."""
    return LongOnesApart(config, log) if config.getvalue("dist") == "loadfile" else None


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With a failure stands what the processes that it looked at have said: their folders are gone by then."""
    report = yield
    if report.failed:
        report.sections += [log for started in Processes.at_work for log in started.said()]
    return report


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


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """After a test that commits, every row is deleted; on SQLite, which has no TRUNCATE, the audit list's as well."""
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            connection.cursor().execute("DROP TRIGGER IF EXISTS audit_entry_remains")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A data directory with tables, keys, static files and a token, of which whoever starts processes gets a copy.

    It takes twelve seconds to make, so the workers of a leg share it.
    """
    own = tmp_path_factory.getbasetemp()
    return prepared_once(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


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
