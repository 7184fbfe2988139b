"""Every refusal has one form, and nothing that a client sends is an error of ours."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.test import Client, override_settings

from runs.models import Integration, SyncJob, SyncJobRun
from tests import factories
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

UNKNOWN = UUID("01900000-0000-7000-8000-000000000000")  # a fixed one, so that parallel workers collect the same tests


def assert_error(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/json")
    body: dict[str, Any] = response.json()
    assert body["statusCode"] == status
    assert body["error"] and body["message"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/sync-job-run/{UNKNOWN}", 404),
        ("GET", "/sync-job-run/7", 404),
        ("GET", "/sync-job-run/%00", 404),
        ("PATCH", f"/sync-job-run/{UNKNOWN}", 404),
        ("DELETE", f"/sync-job-run/{UNKNOWN}", 404),
        ("POST", f"/sync-job-run/{UNKNOWN}/stop", 404),
        ("POST", f"/sync-job-run/{UNKNOWN}/rerun", 404),
        ("GET", f"/sync-job-run/{UNKNOWN}/event", 404),
        ("GET", f"/sync-job/{UNKNOWN}", 404),
        ("DELETE", f"/integration/{UNKNOWN}", 404),
        ("GET", f"/integrated-account/{UNKNOWN}", 404),
        ("GET", "/no-such-path", 404),
        ("GET", "/sync-job-run/a/b/c", 404),
        ("PUT", "/sync-job-run", 405),
        ("DELETE", "/sync-job", 405),
        ("POST", "/record", 405),
        ("GET", f"/sync-job-run/{UNKNOWN}/stop", 405),
        ("POST", "/ping", 405),
    ],
)
def test_a_refusal_has_the_contracts_form(program: Program, method: str, path: str, status: int) -> None:
    body = {} if method in ("PATCH", "PUT") else None
    assert_error(program.ask(method, path, body), status)


def test_a_wrong_method_is_told_the_right_ones(program: Program) -> None:
    assert set(program.ask("PUT", "/sync-job-run")["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{", "body"),
        ("[]", "body"),
        ('"text"', "body"),
        ("null", "body"),
        ("{'a': 1}", "body"),
        ('{"args": NaN}', "body"),
        ('{"args": {"n": Infinity}}', "body"),
        ('{"args": {"n": 1e400}}', "args.n"),
        ('{"args": {"n": ' + "9" * 5000 + "}}", "body"),
        ('{"args": {"a": "x\\u0000y"}}', "args.a"),
        ('{"args": {"a": ["ok", "\\ud800"]}}', "args.a.1"),
        ('{"args": {"x\\u0000y": 1}}', "args"),
        ("[" * 100_000 + "]" * 100_000, "body"),
        ('{"args": ' + '{"a": ' * 200 + "1" + "}" * 201, "body"),
        ("\udcff", "body"),
    ],
    ids=lambda value: str(value)[:20].encode("unicode_escape").decode(),
)
def test_a_body_that_cannot_be_read_or_stored_is_failure_paths(program: Program, text: str, path: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    response = program.post("/sync-job-run", data=data, content_type="application/json")
    assert failure_paths(response) == [path]
    assert_error(response, 400)
    assert not SyncJobRun.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_that_is_no_json_is_an_unsupported_media_type(program: Program, content_type: str) -> None:
    assert_error(program.post("/sync-job-run", data="a=b", content_type=content_type), 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/merge-patch+json", ""])
def test_json_may_be_named_in_other_ways(program: Program, run: SyncJobRun, content_type: str) -> None:
    response = program.ask("PATCH", f"/sync-job-run/{run.id}", data="{}", content_type=content_type)
    assert response.status_code == 200


def test_a_body_over_the_limit_is_too_large(program: Program) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        response = program.post("/sync-job-run", {"args": {"text": "x" * 2000}})
    assert_error(response, 413)


def test_too_many_parameters_are_failure_paths(program: Program) -> None:
    assert_error(program.get("/sync-job-run?" + "&".join(f"a{n}=1" for n in range(2000))), 400)


@pytest.mark.parametrize(
    ("path", "body", "paths"),
    [
        ("/sync-job-run", {}, ["integrated_account_id", "sync_job_id"]),
        ("/sync-job-run", None, ["body"]),
        ("/sync-job-run", {"sync_job_id": 7, "integrated_account_id": "x"}, ["integrated_account_id", "sync_job_id"]),
        (
            "/sync-job-run",
            {"sync_job_id": str(UNKNOWN), "integrated_account_id": str(UNKNOWN)},
            ["integrated_account_id", "sync_job_id"],
        ),
        (
            "/sync-job-run",
            {
                "sync_job_id": str(UNKNOWN),
                "integrated_account_id": str(UNKNOWN),
                "webhook_id": str(UNKNOWN),
                "daemon_group_key": "a b",
                "error_handling": "batch",
                "version": 1,
            },
            [
                *("daemon_group_key", "error_handling", "integrated_account_id", "sync_job_id"),
                *("webhook_id", "webhook_id"),
            ],
        ),
        (
            "/sync-job-cron-trigger",
            {
                "sync_job_id": str(UNKNOWN),
                "integrated_account_id": str(UNKNOWN),
                "cron_expression": "daily",
                "error_handling": "hope",
            },
            ["cron_expression", "error_handling", "integrated_account_id", "sync_job_id"],
        ),
        ("/sync-job", {"integration_name": "nothing", "resources": []}, ["integration_name"]),
        ("/sync-job", {"integration_name": "geo", "resources": "all"}, ["resources"]),
        ("/sync-job", {"integration_name": "geo", "resources": [], "label": "x" * 201}, ["label"]),
        ("/integrated-account", {"integration_name": "nothing"}, ["integration_name"]),
        ("/integrated-account", {"integration_name": "geo", "tenant_id": "x" * 201}, ["tenant_id"]),
        ("/integrated-account", {"integration_name": "geo", "status": "sleepy"}, ["status"]),
        ("/integrated-account", {"integration_name": "geo", "context": "secret"}, ["context"]),
        ("/integration", {"name": "x" * 101}, ["name"]),
    ],
)
def test_every_fault_of_a_body_is_listed_with_its_path(
    program: Program, path: str, body: Any, paths: list[str]
) -> None:
    factories.integration()
    assert failure_paths(program.post(path, body)) == paths
    assert (Integration.objects.count(), SyncJob.objects.count(), SyncJobRun.objects.count()) == (1, 0, 0)


def test_a_fault_is_told_in_the_words_of_json(program: Program) -> None:
    body = {"sync_job_id": 7, "integrated_account_id": "x", "args": [], "resources": {}}
    told = {
        fault["path"]: fault["message"] for fault in program.post("/sync-job-run", body).json()["details"]["failures"]
    }
    assert told == {
        "sync_job_id": "must be a UUID.",
        "integrated_account_id": "must be a UUID.",
        "args": "must be an object.",
        "resources": "must be a list.",
    }


def test_no_refusal_repeats_a_secret(program: Program) -> None:
    factories.integration()
    body = {"integration_name": "nothing", "context": {"token": "c4nary"}, "status": 7, "tenant_id": ["c4nary"]}
    response = program.post("/integrated-account", body)
    assert response.status_code == 400
    assert "c4nary" not in json.dumps(response.json())


def test_a_person_who_mistypes_an_address_gets_a_page(client: Client) -> None:
    response = client.get("/no-such-path", headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")
