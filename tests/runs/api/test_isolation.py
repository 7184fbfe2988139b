"""An object of another environment is not there, whichever route, body or filter names it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runs.api import api
from runs.engine.outbox import new_delivery
from runs.models import DeliveryStatus, RunStatus, SyncJobRun, WebhookEvent
from tests import factories
from tests.runs import rows
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db

ROUTES = [
    (method.upper(), path)
    for path, methods in api.get_openapi_schema(path_prefix="")["paths"].items()
    for method in methods
    # Daemons serve every environment; the last two name an account, in their query.
    if "{" in path and not path.startswith(("/daemon/", "/proxy/", "/unified/"))
]


PATHS = [
    *("/sync-job-run", "/sync-job", "/integration", "/integrated-account", "/unified-mapping"),
    *("/sync-job-cron-trigger", "/webhook", "/record"),
]


UNKNOWN = "00000000-0000-7000-8000-000000000000"


def foreign_ids(run: SyncJobRun) -> dict[str, Any]:
    """The id of a row of the run's environment for each noun of a route."""
    webhook = factories.webhook(environment=run.environment)
    delivery = new_delivery(webhook, WebhookEvent.TEST, {})
    delivery.status, delivery.next_attempt_at = DeliveryStatus.DELIVERED, None
    delivery.save(force_insert=True)
    return {
        "webhook": webhook.id,
        "delivery": delivery.id,
        "sync-job-run": run.id,
        "sync-job": run.sync_job_id,
        "integrated-account": run.integrated_account_id,
        "integration": run.sync_job.integration_id,
        "sync-job-cron-trigger": factories.trigger(account=run.integrated_account, job=run.sync_job).id,
        "unified-mapping": factories.mapping(integration=run.sync_job.integration).id,
    }


def address_of(path: str, ids: dict[str, Any]) -> str:
    """The route with an id behind each of its nouns."""
    return re.sub(r"([\w-]+)/{\w+}", lambda found: f"{found[1]}/{ids[found[1]]}", path)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_answers_a_foreign_id_like_an_unknown_one(
    program: Program, stranger: Program, run: SyncJobRun, method: str, path: str
) -> None:
    ids = foreign_ids(run)
    address = address_of(path, ids)
    body = {} if method == "PATCH" else None
    theirs = stranger.ask(method, address, body)
    nothing = stranger.ask(method, address_of(path, dict.fromkeys(ids, UNKNOWN)), body)
    assert theirs.status_code == nothing.status_code == 404
    told = theirs.content.decode()
    for row_id in ids.values():
        told = told.replace(str(row_id), UNKNOWN)
    assert told == nothing.content.decode()
    mine = program.ask(method, address, body)
    assert mine.status_code != 404


@pytest.mark.parametrize("path", PATHS)
def test_a_list_shows_nothing_of_another_environment(
    program: Program, stranger: Program, run: SyncJobRun, path: str
) -> None:
    rows.record(run)
    factories.trigger(account=run.integrated_account, job=run.sync_job)
    factories.mapping(integration=run.sync_job.integration)
    factories.webhook(environment=run.environment)
    assert len(program.get(path).json()["result"]) == 1
    for query in ("", f"?environment_id={run.environment_id}", f"?integrated_account_id={run.integrated_account_id}"):
        assert stranger.get(path + query).json()["result"] == []


def test_a_body_cannot_name_what_is_of_another_environment(program: Program, stranger: Program) -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    body = {"sync_job_id": str(job.id), "integrated_account_id": str(account.id)}
    response = stranger.post("/sync-job-run", body)
    assert sorted(failure["path"] for failure in response.json()["details"]["failures"]) == sorted(body)
    assert stranger.post("/sync-job-cron-trigger", {**body, "cron_expression": "0 6 * * *"}).status_code == 400
    assert stranger.post("/sync-job", {"integration_name": "geo", "resources": []}).status_code == 400
    assert stranger.post("/integrated-account", {"integration_name": "geo"}).status_code == 400
    assert not SyncJobRun.objects.exists()


def test_what_a_foreign_token_asks_for_changes_nothing(stranger: Program, run: SyncJobRun) -> None:
    stranger.post(f"/sync-job-run/{run.id}/stop")
    stranger.delete(f"/sync-job-run/{run.id}")
    stranger.patch(f"/sync-job-run/{run.id}", {"status": "stopped"})
    stranger.delete(f"/integrated-account/{run.integrated_account_id}")
    run.refresh_from_db()
    assert run.status == RunStatus.CREATED
    assert run.stop_requested_at is None
    run.integrated_account.refresh_from_db()
    assert run.integrated_account.deleted_at is None
