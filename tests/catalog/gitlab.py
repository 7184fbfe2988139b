"""GitLab's REST API, as docs.gitlab.com describes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from werkzeug import Request, Response

from tests.catalog.provider import LONG_WAIT, Provider, Records, json_response, sliced

FIRST = datetime(2024, 3, 1, 8, tzinfo=UTC)
LARGEST_PAGE = 100


def time_of(number: int) -> str:
    return (FIRST + timedelta(hours=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_project(kind: str, project_id: int, number: int, **over: Any) -> dict[str, Any]:
    return {
        "id": project_id * 1000 + number,
        "iid": number,
        "project_id": project_id,
        "title": f"{kind} {number}",
        "state": "opened",
        "created_at": time_of(number),
        "updated_at": time_of(number),
        **over,
    }


class GitLab(Provider):
    name = "gitlab"
    context = {"token": "glpat-s3cret"}
    wrong_context = {"token": "wrong"}
    routes = {
        "GET /api/v4/projects": "projects",
        "GET /api/v4/projects/{project}/issues": "issues",
        "GET /api/v4/projects/{project}/merge_requests": "merge_requests",
        "GET /api/v4/projects/{project}/pipelines": "pipelines",
        "GET /api/v4/users": "users",
    }

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.all_projects: Records = [{"id": n, "path_with_namespace": f"acme/p{n}"} for n in range(1, 4)]
        self.all_users: Records = [{"id": n, "username": f"user{n}"} for n in range(1, 120)]
        ids = [project["id"] for project in self.all_projects]
        self.issues_of = {key: [of_project("Issue", key, n) for n in range(115)] for key in ids}
        self.merge_requests_of = {key: [of_project("Merge request", key, n) for n in range(3)] for key in ids}
        self.pipelines_of = {key: [of_project("Pipeline", key, n) for n in range(2)] for key in ids}

    def is_let_in(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.context['token']}"

    def refusal(self) -> Response:
        return json_response({"message": "401 Unauthorized"}, 401)

    def limit(self) -> Response:
        reset = str(int(time.time()) + LONG_WAIT)
        headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": reset}
        return Response("Retry later\n", 429, headers, mimetype="text/plain")

    def projects(self, request: Request) -> Response:
        """By keyset, which is for the order of ids only."""
        return self._keyset(request, self.all_projects)

    def users(self, request: Request) -> Response:
        return self._keyset(request, self.all_users)

    def issues(self, request: Request, project: str) -> Response:
        return self._page(request, self._changed(request, self.issues_of[int(project)]))

    def merge_requests(self, request: Request, project: str) -> Response:
        return self._page(request, self._changed(request, self.merge_requests_of[int(project)]))

    def pipelines(self, request: Request, project: str) -> Response:
        return self._page(request, self._changed(request, self.pipelines_of[int(project)]))

    def _changed(self, request: Request, records: Records) -> Records:
        since = datetime.fromisoformat(request.args.get("updated_after", "1970-01-01T00:00:00Z"))
        return [row for row in records if datetime.fromisoformat(row["updated_at"]) >= since]

    def _keyset(self, request: Request, records: Records) -> Response:
        if request.args.get("pagination") != "keyset" or request.args.get("order_by") != "id":
            return json_response({"error": "Keyset pagination is not yet available for this type of request"}, 405)
        after = int(request.args.get("id_after", 0))
        page, more = sliced([row for row in records if row["id"] > after], 0, self._size(request))
        return self._linked(request, page, {"id_after": page[-1]["id"]} if more else None)

    def _page(self, request: Request, records: Records) -> Response:
        number = int(request.args.get("page", 1))
        page, more = sliced(records, (number - 1) * self._size(request), self._size(request))
        return self._linked(request, page, {"page": number + 1} if more else None)

    def _size(self, request: Request) -> int:
        return min(int(request.args.get("per_page", 20)), LARGEST_PAGE)

    def _linked(self, request: Request, page: Records, following: dict[str, int] | None) -> Response:
        if following is None:
            return json_response(page)
        query = urlencode({**request.args, **following})
        return json_response(page, headers={"Link": f'<{self.url}{request.path}?{query}>; rel="next"'})
