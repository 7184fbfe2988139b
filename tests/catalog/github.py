"""GitHub's REST API, as docs.github.com describes it."""

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
    return (FIRST + timedelta(hours=number)).isoformat().replace("+00:00", "Z")


def numbered(kind: str, repo: dict[str, Any], number: int, **over: Any) -> dict[str, Any]:
    return {
        "id": repo["id"] * 100_000 + number,
        "number": number,
        "title": f"{kind} {number} of {repo['name']}",
        "state": "closed" if number % 2 else "open",
        "user": {"login": "octocat", "id": 1},
        "created_at": time_of(number),
        "updated_at": time_of(number),
        **over,
    }


class GitHub(Provider):
    name = "github"
    context = {"token": "ghp_s3cret"}
    wrong_context = {"token": "wrong"}
    routes = {
        "GET /orgs/{org}/repos": "repos",
        "GET /orgs/{org}/members": "members",
        "GET /repos/{owner}/{repo}/issues": "issues",
        "GET /repos/{owner}/{repo}/issues/comments": "comments",
        "GET /repos/{owner}/{repo}/pulls": "pulls",
        "GET /repos/{owner}/{repo}/commits": "commits",
        "GET /repos/{owner}/{repo}/actions/runs": "workflow_runs",
    }

    def __init__(self, url: str) -> None:
        super().__init__(url)
        owner = {"login": "acme", "id": 7}
        self.all_repos: Records = [
            {"id": 1 + n, "name": f"repo.{n}", "full_name": f"acme/repo.{n}", "owner": owner, "created_at": time_of(n)}
            for n in range(3)
        ]
        repos = {repo["name"]: repo for repo in self.all_repos}
        self.issues_of = {name: [numbered("Issue", repo, n) for n in range(130)] for name, repo in repos.items()}
        self.comments_of = {name: [numbered("Comment", repo, n) for n in range(4)] for name, repo in repos.items()}
        self.pulls_of = {name: [numbered("Pull", repo, n) for n in range(230)] for name, repo in repos.items()}
        self.runs_of = {name: [numbered("Run", repo, n) for n in range(101)] for name, repo in repos.items()}
        self.commits_of = {
            name: [{"sha": f"{repo['id']}{n:039x}", "commit": {"message": f"Change {n}"}} for n in range(3)]
            for name, repo in repos.items()
        }
        self.all_members: Records = [{"id": n, "login": f"member{n}"} for n in range(2)]

    def is_let_in(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.context['token']}"

    def refusal(self) -> Response:
        return json_response({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}, 401)

    def limit(self) -> Response:
        """The primary limit: a 403, and the moment of its end."""
        body = {
            "message": "API rate limit exceeded for user ID 1.",
            "documentation_url": "https://docs.github.com/rest",
        }
        reset = str(int(time.time()) + LONG_WAIT)
        headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
        return json_response(body, 403, headers)

    def answer(self, request: Request) -> Response:
        response = super().answer(request)
        response.headers.setdefault("x-ratelimit-remaining", "4999")
        response.headers.setdefault("x-ratelimit-reset", str(int(time.time()) + 3600))
        return response

    def repos(self, request: Request, org: str) -> Response:
        return self._page(request, self.all_repos if org == "acme" else [])

    def members(self, request: Request, org: str) -> Response:
        return self._page(request, self.all_members)

    def issues(self, request: Request, owner: str, repo: str) -> Response:
        return self._page(request, self._in_state(request, self._since(request, self.issues_of[repo])))

    def comments(self, request: Request, owner: str, repo: str) -> Response:
        return self._page(request, self._since(request, self.comments_of[repo]))

    def pulls(self, request: Request, owner: str, repo: str) -> Response:
        """Sorted by creation, newest first, unless asked otherwise."""
        key, backwards = request.args.get("sort", "created"), request.args.get("direction", "desc") == "desc"
        found = self._in_state(request, self.pulls_of[repo])
        return self._page(request, sorted(found, key=lambda row: row[f"{key}_at"], reverse=backwards))

    def commits(self, request: Request, owner: str, repo: str) -> Response:
        return self._page(request, self.commits_of[repo])

    def workflow_runs(self, request: Request, owner: str, repo: str) -> Response:
        return self._page(request, self.runs_of[repo], "workflow_runs")

    def _since(self, request: Request, records: Records) -> Records:
        since = datetime.fromisoformat(request.args.get("since", "1970-01-01T00:00:00Z"))
        return [row for row in records if datetime.fromisoformat(row["updated_at"]) >= since]

    def _in_state(self, request: Request, records: Records) -> Records:
        """Only open ones, unless asked otherwise."""
        state = request.args.get("state", "open")
        return [row for row in records if state in ("all", row["state"])]

    def _page(self, request: Request, records: Records, key: str | None = None) -> Response:
        """By page and per_page, which is cut to 100; the header Link names the next page."""
        size = min(int(request.args.get("per_page", 30)), LARGEST_PAGE)
        number = int(request.args.get("page", 1))
        page, more = sliced(records, (number - 1) * size, size)
        query = urlencode({**request.args, "page": number + 1})
        link = {"Link": f'<{self.url}{request.path}?{query}>; rel="next"'} if more else {}
        return json_response({"total_count": len(records), key: page} if key else page, headers=link)
