"""Zendesk Support, as developer.zendesk.com describes it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug import Request, Response

from tests.catalog.provider import LONG_WAIT, Provider, Records, json_response, sliced

FIRST = datetime(2024, 3, 1, 8, tzinfo=UTC)
LARGEST_PAGE = 100
LARGEST_EXPORT = 1000


def time_of(number: int) -> str:
    return (FIRST + timedelta(hours=number)).isoformat().replace("+00:00", "Z")


def ticket(number: int, **over: Any) -> dict[str, Any]:
    return {
        "id": 35000 + number,
        "url": f"https://acme.zendesk.com/api/v2/tickets/{35000 + number}.json",
        "subject": f"Printer {number} is on fire",
        "description": f"The fire of printer {number} is very colorful.",
        "type": "incident",
        "status": ["new", "open", "pending", "hold", "solved", "closed"][number % 6],
        "priority": "high",
        "requester_id": 900 + number % 7,
        "assignee_id": 235323,
        "organization_id": 509974,
        "group_id": 98738,
        "tags": ["enterprise", "other_tag"],
        "due_at": None,
        "created_at": time_of(number),
        "updated_at": time_of(number + 1),
        **over,
    }


def user(number: int, role: str, **over: Any) -> dict[str, Any]:
    return {
        "id": 900 + number,
        "name": f"Johnny {role} {number}",
        "email": f"johnny{number}@example.com",
        "phone": None,
        "role": role,
        "details": "",
        "iana_time_zone": "Europe/Copenhagen",
        "organization_id": 509974 if role == "end-user" else None,
        "active": True,
        "suspended": False,
        "tags": [],
        "created_at": time_of(number),
        "updated_at": time_of(number),
        **over,
    }


def comment(ticket_id: int, number: int, **over: Any) -> dict[str, Any]:
    return {
        "id": ticket_id * 10 + number,
        "type": "Comment",
        "body": "Thanks for your help!",
        "html_body": "<p>Thanks for your help!</p>",
        "plain_body": "Thanks for your help!",
        "public": number == 0,
        "author_id": 901,
        "attachments": [],
        "created_at": time_of(number),
        **over,
    }


class Zendesk(Provider):
    name = "zendesk"
    context = {"subdomain": "acme", "email": "agent@acme.com", "api_token": "zd-s3cret"}
    wrong_context = {"api_token": "wrong"}
    routes = {
        "GET /api/v2/tickets": "tickets",
        "GET /api/v2/tickets/{number}": "ticket",
        "GET /api/v2/tickets/{number}/comments": "comments",
        "GET /api/v2/users": "users",
        "GET /api/v2/organizations": "organizations",
        "GET /api/v2/groups": "groups",
        "GET /api/v2/incremental/tickets/cursor": "changed_tickets",
        "GET /api/v2/incremental/users/cursor": "changed_users",
    }

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.all_tickets: Records = [ticket(number) for number in range(120)]
        self.all_users: Records = [
            user(number, "agent" if number < 2 else "admin" if number == 2 else "end-user") for number in range(130)
        ]
        self.all_organizations: Records = [{"id": 509974, "name": "Fire brigade"}]
        self.all_groups: Records = [{"id": number, "name": f"Group {number}"} for number in range(3)]
        self.all_comments = {row["id"]: [comment(row["id"], number) for number in range(2)] for row in self.all_tickets}

    def is_let_in(self, request: Request) -> bool:
        pair = base64.b64encode(b"agent@acme.com/token:zd-s3cret").decode()
        return request.headers.get("Authorization") == f"Basic {pair}"

    def refusal(self) -> Response:
        return json_response({"error": "Couldn't authenticate you"}, 401)

    def limit(self) -> Response:
        return Response("Number of allowed API requests per minute exceeded", 429, {"Retry-After": str(LONG_WAIT)})

    def tickets(self, request: Request) -> Response:
        return self._page(request, "tickets", self.all_tickets)

    def ticket(self, request: Request, number: str) -> Response:
        found = [row for row in self.all_tickets if str(row["id"]) == number]
        missing = {"error": "RecordNotFound", "description": "Not found"}
        return json_response({"ticket": found[0]}) if found else json_response(missing, 404)

    def comments(self, request: Request, number: str) -> Response:
        return self._page(request, "comments", self.all_comments.get(int(number), []))

    def users(self, request: Request) -> Response:
        roles = request.args.getlist("role") + request.args.getlist("role[]")
        return self._page(request, "users", [row for row in self.all_users if not roles or row["role"] in roles])

    def organizations(self, request: Request) -> Response:
        return self._page(request, "organizations", self.all_organizations)

    def groups(self, request: Request) -> Response:
        return self._page(request, "groups", self.all_groups)

    def changed_tickets(self, request: Request) -> Response:
        return self._export(request, "tickets", self.all_tickets)

    def changed_users(self, request: Request) -> Response:
        return self._export(request, "users", self.all_users)

    def _page(self, request: Request, key: str, records: Records) -> Response:
        """Cursor pagination: asked for by `page[size]`, at most 100."""
        size = int(request.args.get("page[size]", 0))
        if not 0 < size <= LARGEST_PAGE:
            return json_response({"errors": [{"code": "InvalidPaginationParameter", "title": "page[size]"}]}, 400)
        start = int(request.args.get("page[after]", "c0").removeprefix("c"))
        page, more = sliced(records, start, size)
        cursor = f"c{start + len(page)}"
        links = {"next": f"{self.url}{request.path}?page[after]={cursor}" if more else None, "prev": None}
        meta = {"has_more": more, "after_cursor": cursor, "before_cursor": f"c{start}"}
        return json_response({key: page, "meta": meta, "links": links})

    def _export(self, request: Request, key: str, records: Records) -> Response:
        """Cursor-based export: `start_time` in epoch seconds opens it, `cursor` goes on; the last page says so."""
        if "cursor" in request.args:
            since, at = (int(part) for part in request.args["cursor"].split("-"))
        elif "start_time" in request.args:
            since, at = int(request.args["start_time"]), 0
        else:
            return json_response({"error": "StartTimeMissing", "description": "start_time is missing"}, 400)
        size = min(int(request.args.get("per_page", LARGEST_EXPORT)), LARGEST_EXPORT)
        changed = [row for row in records if datetime.fromisoformat(row["updated_at"]).timestamp() >= since]
        page, more = sliced(changed, at, min(size, 50))  # Zendesk may send fewer than it is asked for
        cursor = f"{since}-{at + len(page)}"
        return json_response({key: page, "after_cursor": cursor, "after_url": None, "end_of_stream": not more})
