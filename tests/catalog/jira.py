"""Jira Cloud, version 3, as developer.atlassian.com describes it."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug import Request, Response

from tests.catalog.provider import LONG_WAIT, Provider, Records, json_response, sliced

FIRST = datetime(2024, 3, 1, 8, tzinfo=UTC)
LARGEST_PAGE = 100
SHORT = 40  # Jira may send fewer than it is asked for


def time_of(number: int) -> str:
    return (FIRST + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def document(*paragraphs: str) -> dict[str, Any]:
    """A text in the Atlassian Document Format, in two pieces each."""
    parts = [[{"type": "text", "text": text[:4]}, {"type": "text", "text": text[4:]}] for text in paragraphs]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": content} for content in parts]}


def person(key: str, name: str, **over: Any) -> dict[str, Any]:
    return {
        "accountId": key,
        "accountType": "atlassian",
        "displayName": name,
        "emailAddress": f"{key}@example.com",
        "active": True,
        "timeZone": "Australia/Sydney",
        **over,
    }


def issue(number: int, **fields: Any) -> dict[str, Any]:
    done = number % 2 == 0
    category = {"key": "done" if done else "indeterminate", "name": "Done" if done else "In Progress"}
    return {
        "id": str(10_000 + number),
        "key": f"ED-{number}",
        "self": f"https://acme.atlassian.net/rest/api/3/issue/{10_000 + number}",
        "fields": {
            "summary": f"Main order flow {number} broken",
            "description": document("Main order", "Second paragraph"),
            "issuetype": {"id": "10001", "name": "Bug"},
            "status": {"id": "3", "name": category["name"], "statusCategory": category},
            "priority": {"id": "2", "name": "High"},
            "assignee": person("a1", "Mia Krystof"),
            "creator": person("a2", "Emma Richards"),
            "project": {"id": "10000", "key": "ED", "name": "Example"},
            "labels": ["bugfix", "blitz_test"],
            "duedate": None,
            "resolutiondate": time_of(number + 2) if done else None,
            "created": time_of(number),
            "updated": time_of(number + 1),
            **fields,
        },
    }


def comment(issue_id: str, number: int, **over: Any) -> dict[str, Any]:
    return {
        "id": f"{issue_id}{number}",
        "author": person("a1", "Mia Krystof"),
        "body": document("Looks good to me"),
        "created": time_of(number),
        "updated": time_of(number),
        "jsdPublic": number == 0,
        **over,
    }


class Jira(Provider):
    name = "jira"
    context = {"domain": "acme", "email": "mia@acme.com", "api_token": "jira-s3cret"}
    wrong_context = {"api_token": "wrong"}
    routes = {
        "GET /rest/api/3/project/search": "projects",
        "GET /rest/api/3/search/jql": "search",
        "GET /rest/api/3/issue/{key}/comment": "comments",
        "GET /rest/api/3/users/search": "users",
        "GET /rest/api/3/status": "statuses",
    }

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.now = datetime.now(UTC)
        self.all_projects: Records = [
            {"id": str(10_000 + n), "key": f"P{n}", "name": f"Project {n}"} for n in range(130)
        ]
        self.all_issues: Records = [issue(number) for number in range(1, 131)]
        self.all_users: Records = [person(f"a{n}", f"Person {n}") for n in range(1, 250)]
        self.comments_of = {row["id"]: [comment(row["id"], n) for n in range(2)] for row in self.all_issues[:3]}

    def is_let_in(self, request: Request) -> bool:
        pair = base64.b64encode(b"mia@acme.com:jira-s3cret").decode()
        return request.headers.get("Authorization") == f"Basic {pair}"

    def refusal(self) -> Response:
        return Response("Client must be authenticated to access this resource.", 401, mimetype="text/plain")

    def limit(self) -> Response:
        headers = {"Retry-After": str(LONG_WAIT), "RateLimit-Reason": "jira-burst-based"}
        return json_response({"errorMessages": ["Rate limit exceeded"]}, 429, headers)

    def projects(self, request: Request) -> Response:
        return self._page(request, "values", self.all_projects)

    def comments(self, request: Request, key: str) -> Response:
        return self._page(request, "comments", self.comments_of.get(key, []))

    def statuses(self, request: Request) -> Response:
        return json_response([{"id": "3", "name": "In Progress"}])

    def users(self, request: Request) -> Response:
        """A bare list; inactive ones are taken out after the page was cut, so it may be short."""
        start, size = int(request.args["startAt"]), int(request.args["maxResults"])
        return json_response([row for row in self.all_users[start : start + size] if row["active"]])

    def search(self, request: Request) -> Response:
        if set(request.args) - {"jql", "fields", "maxResults", "nextPageToken"}:
            return json_response({"errorMessages": ["unknown parameter"]}, 400)
        found = self._found(request.args["jql"])
        if found is None:
            return json_response({"errorMessages": ["Unbounded JQL queries are not allowed here."]}, 400)
        token = request.args.get("nextPageToken", f"{request.args['jql']}|0")
        jql, _, start = token.rpartition("|")
        if jql != request.args["jql"] or int(request.args["maxResults"]) > LARGEST_PAGE:
            return json_response({"errorMessages": ["The token belongs to another search."]}, 400)
        page, more = sliced(found, int(start), SHORT)
        following = {"nextPageToken": f"{jql}|{int(start) + SHORT}"} if more else {}
        return json_response({"issues": page, "isLast": not more, **following})

    def _found(self, jql: str) -> Records | None:
        """The few words of JQL that the catalogue uses. None: there is no bound."""
        where = re.fullmatch(
            r'(?P<project>project = "(?P<key>\w+)"|project is not EMPTY)'
            r'( AND updated >= "-(?P<minutes>\d+)m")? ORDER BY created ASC',
            jql,
        )
        if where is None:
            return None
        since = self.now - timedelta(minutes=int(where["minutes"])) if where["minutes"] else FIRST
        in_project = [row for row in self.all_issues if where["key"] in (None, row["fields"]["project"]["key"])]
        return [row for row in in_project if datetime.fromisoformat(row["fields"]["updated"]) >= since]

    def _page(self, request: Request, key: str, records: Records) -> Response:
        start, size = int(request.args.get("startAt", 0)), int(request.args.get("maxResults", 50))
        if size > LARGEST_PAGE:
            return json_response({"errorMessages": [f"maxResults must be at most {LARGEST_PAGE}"]}, 400)
        page, more = sliced(records, start, min(size, SHORT))
        told = {"startAt": start, "maxResults": SHORT, "total": len(records), "isLast": not more}
        return json_response({**told, key: page})
