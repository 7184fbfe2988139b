"""The OpenAPI document is complete: every status, one error model, an example of every body, types that are parsed."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from runs.api import api
from tests import factories
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db


@cache
def document() -> dict[str, Any]:
    return api.get_openapi_schema(path_prefix="")


def operations() -> list[Any]:
    """Path, method and description of each operation, as parameters of a test."""
    return [
        pytest.param(path, method, operation, id=f"{method.upper()} {path}")
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The bodies that go in and out."""
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [content for part in parts for content in resolved(part).get("content", {}).values()]


def faults(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": document()["components"]}
    return [error.message for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value)]


@pytest.mark.parametrize(("path", "method", "operation"), operations())
class TestEveryOperation:
    def test_it_says_what_it_refuses_with(self, path: str, method: str, operation: dict[str, Any]) -> None:
        expected = {405}
        if "security" in operation:
            expected |= {400, 401, 429}
            expected |= {404} if "{" in path else set()
            expected |= {409, 413} if method == "post" else set()
            expected |= {413, 415} if "requestBody" in operation else set()
        assert expected <= operation["responses"].keys()
        assert any(200 <= status < 300 for status in operation["responses"])

    def test_all_refusals_have_the_one_error_model(self, path: str, method: str, operation: dict[str, Any]) -> None:
        for status, response in operation["responses"].items():
            if status >= 400:
                content = resolved(response)["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
                assert content["example"]["statusCode"] == status

    def test_every_body_has_an_example_that_fits(self, path: str, method: str, operation: dict[str, Any]) -> None:
        found = contents(operation)
        assert found
        for content in found:
            assert faults(content["example"], content["schema"]) == []

    def test_it_has_a_tag_and_a_name(self, path: str, method: str, operation: dict[str, Any]) -> None:
        assert operation["tags"]
        assert operation["summary"]
        assert "_api_" not in operation["operationId"]

    def test_only_a_post_takes_an_idempotency_key(self, path: str, method: str, operation: dict[str, Any]) -> None:
        names = [resolved(parameter)["name"] for parameter in operation["parameters"]]
        assert ("Idempotency-Key" in names) == (method == "post")

    def test_its_ids_are_uuids(self, path: str, method: str, operation: dict[str, Any]) -> None:
        for parameter in map(resolved, operation["parameters"]):
            if parameter["in"] == "path" and parameter["name"] == "id":
                assert parameter["schema"]["format"] == "uuid"


def test_no_two_operations_have_the_same_name() -> None:
    names = Counter(
        operation["operationId"] for methods in document()["paths"].values() for operation in methods.values()
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_list_names_its_fields_their_types_and_their_comparisons() -> None:
    listed = {row["name"]: row for row in document()["paths"]["/sync-job-run"]["get"]["parameters"]}
    assert listed["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert listed["order"]["schema"]["enum"] == ["desc", "asc"]
    assert listed["status"]["schema"]["enum"] == ["created", "running", "completed", "failed", "stopped"]
    assert listed["sync_job_id"]["schema"]["format"] == "uuid"
    assert listed["ignore_previous_run"]["schema"] == {"type": "boolean"}
    comparisons = listed["comparisons"]
    assert (comparisons["style"], comparisons["explode"]) == ("form", True)
    assert comparisons["schema"]["properties"]["created_at[gt]"] == {"type": "string", "format": "date-time"}
    assert comparisons["schema"]["properties"]["status[in]"] == {"type": "string"}


def test_times_and_choices_of_an_answer_are_named() -> None:
    run = document()["components"]["schemas"]["RunWithJob"]["properties"]
    assert run["created_at"] == {"title": "Created At", "type": "string", "format": "date-time"}
    assert run["finished_at"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert run["status"]["enum"] == ["created", "running", "completed", "failed", "stopped"]
    assert run["version"]["enum"] == [1, 2]


def test_the_seeds_examples_are_the_documents() -> None:
    run = document()["paths"]["/sync-job-run/{id}"]["get"]["responses"][200]["content"]["application/json"]["example"]
    assert run["args"] == {"project_slug": "vcs_provider/org_name/repo_name"}
    assert run["resource_stats"]["crm/deals"]["get"] == {"fetched": 100, "persisted": 100}
    assert run["sync_job"]["integration_name"] == "zendesk"
    assert run["created_at"] == "2021-08-10T10:00:00.000Z"


def test_what_the_examples_of_bodies_say_is_accepted(program: Program) -> None:
    """Word for word, but for the ids."""

    def example(path: str) -> dict[str, Any]:
        body = document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        return dict(body["example"])

    assert program.post("/integration", example("/integration")).status_code == 201
    account = program.post("/integrated-account", example("/integrated-account"))
    job = program.post("/sync-job", example("/sync-job"))
    assert (account.status_code, job.status_code) == (201, 201), (account.content, job.content)
    ids = {"sync_job_id": job.json()["id"], "integrated_account_id": account.json()["id"]}
    run = program.post("/sync-job-run", {**example("/sync-job-run"), **ids})
    assert run.status_code == 201, run.content
    stopped = program.patch(
        f"/sync-job-run/{run.json()['id']}",
        document()["paths"]["/sync-job-run/{id}"]["patch"]["requestBody"]["content"]["application/json"]["example"],
    )
    assert stopped.json()["status"] == "stopped"
    again = program.post(f"/sync-job-run/{run.json()['id']}/rerun", example("/sync-job-run/{id}/rerun"))
    assert again.status_code == 201


def test_a_run_as_it_is_answered_fits_the_document(program: Program) -> None:
    run = factories.run()
    answer = program.get(f"/sync-job-run/{run.id}").json()
    assert faults(answer, {"$ref": "#/components/schemas/RunWithJob"}) == []
