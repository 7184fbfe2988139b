"""A process without the key of what is stored says so, to people and programs, and leaves runs alone."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from structlog.testing import capture_logs

from runs.engine.runner import execute_slice
from runs.models import Role, RunStatus, SyncJobRun
from tests import factories
from tests.dashboard.conftest import logged_in, member

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "CREDENTIALS_KEYS lacks the key"


@pytest.fixture
def run(settings: Any) -> SyncJobRun:
    found = factories.run()
    factories.alert_rule(environment=found.environment)
    settings.CREDENTIALS_KEYS = [Fernet.generate_key().decode()]
    return found


@pytest.fixture
def reader(run: SyncJobRun) -> Client:
    client = logged_in(member("adele", run.environment, role=Role.ADMIN))
    client.raise_request_exception = False
    return client


def test_a_page_says_so(run: SyncJobRun, reader: Client) -> None:
    answer = reader.get("/settings/alerts/", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "A key is missing" in page
    assert WORDS in page


def test_the_api_says_so(run: SyncJobRun) -> None:
    headers = {"Authorization": f"Bearer {factories.token(run.environment)}"}
    answer = Client().get(f"/integrated-account/{run.integrated_account_id}", headers=headers)
    assert answer.status_code == 503
    assert WORDS in answer.json()["message"]


def test_a_run_is_left_to_a_daemon_that_has_the_key(run: SyncJobRun) -> None:
    with capture_logs() as lines:
        execute_slice(run.id, "daemon-1")
    run.refresh_from_db()
    assert (run.status, run.daemon_id) == (RunStatus.CREATED, None)
    assert WORDS in lines[0]["error"]
