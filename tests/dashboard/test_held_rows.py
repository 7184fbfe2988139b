"""A row that somebody else holds is not waited for without end: whoever wants to change it is asked to try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from runs.models import RunStatus, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in, member
from tests.runs.api.program import Program

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgresql"),  # on SQLite all writers have one lock
]


@pytest.fixture
def run() -> SyncJobRun:
    run: SyncJobRun = factories.run()
    return run


@pytest.fixture
def operator(run: SyncJobRun) -> Client:
    return logged_in(member("olga", run.environment, may_operate=True), raise_request_exception=False)


@pytest.fixture
def program(run: SyncJobRun) -> Program:
    return Program(factories.token(run.environment))


@pytest.fixture
def held(run: SyncJobRun, operator: Client, program: Program) -> Iterator[None]:
    """Somebody is in the middle of a change of the run and its account, and nobody waits long for the end of it."""
    settings = connection.settings_dict
    address = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "dbname": settings["NAME"]}
    with psycopg.connect(**address, password=settings["PASSWORD"] or None) as other, connection.cursor() as own:
        own.execute("SET lock_timeout = '100ms'")
        other.execute("SELECT FROM runs_syncjobrun WHERE id = %s FOR UPDATE", [run.pk])
        other.execute("SELECT FROM runs_integratedaccount WHERE id = %s FOR UPDATE", [run.integrated_account_id])
        yield
        own.execute("RESET lock_timeout")


def late(run: SyncJobRun) -> None:
    """It was asked to stop long ago, and its daemon does not."""
    states.running(run, stop_requested_at=timezone.now() - timedelta(minutes=2))


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(("before", "path"), [(states.running, "stop"), (late, "force-stop"), (states.failed, "rerun")])
def test_a_page_says_that_the_database_is_busy(
    run: SyncJobRun,
    operator: Client,
    request: pytest.FixtureRequest,
    before: Callable[[SyncJobRun], object],
    path: str,
    headers: dict[str, str],
) -> None:
    before(run)
    request.getfixturevalue("held")
    answer = operator.post(f"/runs/{run.pk}/{path}/", headers=headers)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The database is busy" in answer.content.decode()
    assert SyncJobRun.objects.count() == 1


@pytest.mark.parametrize("path", ["stop", "rerun"])
def test_the_api_says_so_too(run: SyncJobRun, program: Program, request: pytest.FixtureRequest, path: str) -> None:
    (states.running if path == "stop" else states.failed)(run)
    request.getfixturevalue("held")
    answer = program.post(f"/sync-job-run/{run.pk}/{path}")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["message"].startswith("The database is busy")
    assert SyncJobRun.objects.filter(stop_requested_at=None).count() == 1


def test_a_start_and_a_deletion_are_told_the_same(run: SyncJobRun, program: Program, held: None) -> None:
    wish = {"sync_job_id": str(run.sync_job_id), "integrated_account_id": str(run.integrated_account_id)}
    started = program.post("/sync-job-run", {**wish, "daemon_group_key": "default", "force": True})
    deleted = program.delete(f"/integrated-account/{run.integrated_account_id}")

    assert (started.status_code, deleted.status_code) == (503, 503)
    assert SyncJobRun.objects.get().status == RunStatus.CREATED
