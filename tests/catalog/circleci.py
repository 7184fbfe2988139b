"""CircleCI, version 2, as circleci.com/docs/api/v2 describes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

from werkzeug import Request, Response

from tests.catalog.provider import LONG_WAIT, Provider, Records, json_response, sliced

SLUG = "gh/acme/website"
PAGE = 20  # the API has no parameter for it


def uuid_of(text: str) -> str:
    return str(uuid5(NAMESPACE_URL, text))


def pipeline(number: int) -> dict[str, Any]:
    return {
        "id": uuid_of(f"pipeline {number}"),
        "number": number,
        "project_slug": SLUG,
        "state": "created",
        "errors": [],
        "trigger": {"type": "webhook", "received_at": "2024-03-01T08:00:00Z", "actor": {"login": "octocat"}},
        "vcs": {"provider_name": "GitHub", "branch": "main", "revision": "f454a02b5d10fcccfd7d9dd7608a76d6493a98b4"},
        "created_at": "2024-03-01T08:00:00Z",
        "updated_at": "2024-03-01T08:00:00Z",
    }


def workflow(of: dict[str, Any]) -> dict[str, Any]:
    key = uuid_of(f"workflow of {of['id']}")
    return {"id": key, "name": "build-and-test", "status": "success", "pipeline_id": of["id"], "project_slug": SLUG}


def job(of: dict[str, Any], number: int) -> dict[str, Any]:
    key = uuid_of(f"job {number} of {of['id']}")
    return {"id": key, "name": f"step {number}", "status": "success", "type": "build", "job_number": number}


class CircleCI(Provider):
    name = "circleci"
    context = {"token": "cci-s3cret"}
    wrong_context = {"token": "wrong"}
    routes = {
        "GET /api/v2/project/{slug}/pipeline": "pipelines",
        "GET /api/v2/pipeline/{key}/workflow": "workflows",
        "GET /api/v2/workflow/{key}/job": "jobs",
        "GET /api/v2/context": "contexts",
    }

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.all_pipelines: Records = [pipeline(number) for number in range(45)]
        self.all_workflows = {row["id"]: workflow(row) for row in self.all_pipelines}
        self.all_jobs = {row["id"]: [job(row, number) for number in range(2)] for row in self.all_workflows.values()}
        self.all_contexts: Records = [{"id": uuid_of(f"context {n}"), "name": f"context-{n}"} for n in range(22)]

    def is_let_in(self, request: Request) -> bool:
        return request.headers.get("Circle-Token") == self.context["token"]

    def refusal(self) -> Response:
        return json_response({"message": "You must log in first."}, 401)

    def limit(self) -> Response:
        return json_response({"message": "Rate Limit Exceeded"}, 429, {"Retry-After": str(LONG_WAIT)})

    def pipelines(self, request: Request, slug: str) -> Response:
        if unquote(slug) != SLUG:
            return json_response({"message": "Project not found"}, 404)
        return self._page(request, self.all_pipelines)

    def workflows(self, request: Request, key: str) -> Response:
        return self._page(request, [self.all_workflows[key]])

    def jobs(self, request: Request, key: str) -> Response:
        return self._page(request, self.all_jobs[key])

    def contexts(self, request: Request) -> Response:
        if not {"owner-id", "owner-slug"} & set(request.args):
            return json_response({"message": "owner-id or owner-slug is required"}, 400)
        return self._page(request, self.all_contexts)

    def _page(self, request: Request, records: Records) -> Response:
        start = int(request.args.get("page-token", "t0").removeprefix("t"))
        page, more = sliced(records, start, PAGE)
        return json_response({"items": page, "next_page_token": f"t{start + PAGE}" if more else None})
