"""Only a token opens the API, and it opens one environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import ApiToken, Environment, User
from runs.services import revoke_token
from tests import factories
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer sd_wrong", "Basic c2Q6c2Q=", "Bearer \x00", "sd_x"]
)
def test_without_a_valid_token_nothing_is_open(client: Client, header: str) -> None:
    response = client.get("/sync-job-run", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.json()["statusCode"] == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_ping_needs_no_token(client: Client) -> None:
    assert client.get("/ping").status_code == 200


def test_the_scheme_may_be_written_in_any_case(program: Program) -> None:
    assert program.get("/sync-job", headers={"Authorization": f"bearer  {program.token} "}).status_code == 200


def test_a_revoked_token_opens_nothing_at_once(program: Program) -> None:
    assert program.get("/sync-job").status_code == 200
    revoke_token(ApiToken.objects.get())
    assert program.get("/sync-job").status_code == 401


def test_an_expired_token_opens_nothing(program: Program) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert program.get("/sync-job").status_code == 401


def test_a_token_in_the_address_opens_nothing(client: Client, program: Program) -> None:
    assert client.get(f"/sync-job?token={program.token}&access_token={program.token}").status_code == 401


def test_a_session_opens_nothing(client: Client, superuser: User) -> None:
    client.force_login(superuser)
    assert client.get("/sync-job-run").status_code == 401
    assert client.post("/sync-job-run").status_code == 401


def test_its_last_use_is_noted_at_most_once_a_minute(program: Program, environment: Environment) -> None:
    def used() -> Any:
        return ApiToken.objects.get().last_used_at

    program.get("/sync-job")
    first = used()
    assert first is not None
    program.get("/sync-job")
    assert used() == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    program.get("/sync-job")
    assert used() >= first


def test_a_run_names_the_token_that_started_it(program: Program) -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    body = {"sync_job_id": str(job.id), "integrated_account_id": str(account.id)}
    made = program.post("/sync-job-run", body).json()
    assert (made["created_by"], made["trigger"]) == ("tests", "api")
