"""A token that may only read changes nothing, whichever route it asks."""

from __future__ import annotations

from typing import Any

import pytest

from runs.api import api
from runs.models import ApiToken, Environment, KeyedRequest, Scope, SyncJobRun
from runs.services import issue_token
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db

UNKNOWN = "00000000-0000-7000-8000-000000000000"
OPERATIONS = [
    (method, path.replace("{", "").replace("}", ""))
    for path, methods in api.get_openapi_schema(path_prefix="")["paths"].items()
    for method in methods
]
WRITING = [(method, path) for method, path in OPERATIONS if method != "get"]


@pytest.fixture
def reader(environment: Environment) -> Program:
    _, secret = issue_token(environment, name="reader", scopes=[Scope.READ])
    return Program(secret)


def ask(program: Program, method: str, path: str, **more: Any) -> Any:
    """The answer to an empty object at the route, with an id that is nobody's behind each noun."""
    parts = (UNKNOWN if part == "id" or part.endswith("_id") else part for part in path.split("/"))
    return program.ask(method.upper(), "/".join(parts), {}, **more)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_it_is_refused_in_the_form_of_all_refusals(reader: Program, method: str, path: str) -> None:
    answer = ask(reader, method, path)
    assert answer.status_code == 403
    body = answer.json()
    assert (body["statusCode"], body["error"]) == (403, "Forbidden")
    assert "scope write" in body["message"]


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_token_that_may_write_gets_farther(program: Program, method: str, path: str) -> None:
    assert ask(program, method, path).status_code in (400, 404)


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if one[0] == "get"])
def test_it_reads_everything(reader: Program, method: str, path: str) -> None:
    assert ask(reader, "get", path).status_code in (200, 400, 404)
    assert ask(reader, "head", path).status_code in (200, 400, 404)


def test_a_refusal_does_nothing_and_leaves_its_key_free(reader: Program, run: SyncJobRun) -> None:
    answer = ask(reader, "post", f"/sync-job-run/{run.pk}/stop", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 403
    run.refresh_from_db()
    assert run.status == "created"
    assert not KeyedRequest.objects.exists()


def test_tokens_of_before_may_do_everything(program: Program) -> None:
    assert ApiToken.objects.get().scopes == ["read", "write"]


def test_the_document_tells_the_refusal() -> None:
    paths = api.get_openapi_schema(path_prefix="")["paths"]
    for methods in paths.values():
        for method, operation in methods.items():
            assert (403 in operation["responses"]) == (method != "get")
