"""Intercom, version 2.11, as developers.intercom.com describes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from werkzeug import Request, Response

from tests.catalog.provider import LONG_WAIT, Provider, Records, json_response, sliced

FIRST = 1_709_280_000  # 1 March 2024, in epoch seconds
LARGEST_PAGE = 150
A_DAY = 86_400


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timed(kind: str, number: int, **over: Any) -> dict[str, Any]:
    times = {"created_at": FIRST + number, "updated_at": FIRST + number + 60}
    return {"type": kind, "id": f"{kind}-{number}", **times, **over}


def ticket(number: int, **over: Any) -> dict[str, Any]:
    own = {
        "ticket_id": str(number),
        "ticket_attributes": {"_default_title_": f"Attribute {number}", "_default_description_": "It is broken"},
        "ticket_state": "in_progress",
        "ticket_type": {"type": "ticket_type", "id": "77", "name": "Bug report"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "contact-1"}]},
        "admin_assignee_id": 991,
        "team_assignee_id": 0,
    }
    return timed("ticket", number, **{**own, **over})


def contact(number: int, **over: Any) -> dict[str, Any]:
    own = {"name": f"Joe {number}", "email": f"joe{number}@acme.com", "phone": None, "role": "user"}
    return timed("contact", number, **{**own, "companies": {"type": "list", "data": []}, **over})


def part(of: str, number: int, kind: str = "comment") -> dict[str, Any]:
    author = {"type": "admin", "id": "991", "name": "Ciaran"}
    return {**timed(f"{of}_part", number), "part_type": kind, "body": "<p>Okay!</p>", "author": author}


class Intercom(Provider):
    name = "intercom"
    context = {"token": "dG9r-s3cret"}
    wrong_context = {"token": "wrong"}
    routes = {
        "GET /contacts": "contacts",
        "POST /contacts/search": "search_contacts",
        "POST /conversations/search": "search_conversations",
        "POST /tickets/search": "search_tickets",
        "GET /conversations/{key}": "conversation",
        "GET /tickets/{key}": "ticket",
        "GET /companies/scroll": "scroll",
        "GET /admins": "admins",
    }

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.all_contacts: Records = [contact(number) for number in range(310)]
        self.all_companies: Records = [timed("company", number) for number in range(230)]
        self.all_conversations: Records = [timed("conversation", number) for number in range(3)]
        self.all_tickets: Records = [ticket(number) for number in range(155)]
        self.all_admins: Records = [{"type": "admin", "id": "991", "name": "Ciaran", "email": "ciaran@acme.com"}]
        self.parts_of = {row["id"]: [part(row["id"], n) for n in range(2)] for row in self.all_conversations}
        self.ticket_parts_of = {row["id"]: [part(row["id"], 0)] for row in self.all_tickets}

    def is_let_in(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.context['token']}"

    def refusal(self) -> Response:
        return self._error(401, "unauthorized", "Access Token Invalid")

    def limit(self) -> Response:
        reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + LONG_WAIT)}
        return self._error(429, "rate_limit_exceeded", "Exceeded rate limit of 83 in 10_seconds", reset)

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
        body = {"type": "error.list", "request_id": "b1", "errors": [{"code": code, "message": message}]}
        return json_response(body, status, headers)

    def contacts(self, request: Request) -> Response:
        size, after = int(request.args.get("per_page", 50)), request.args.get("starting_after")
        return self._page("data", self.all_contacts, size, after)

    def search_contacts(self, request: Request) -> Response:
        return self._search(request, "data", self.all_contacts)

    def search_conversations(self, request: Request) -> Response:
        return self._search(request, "conversations", self.all_conversations)

    def search_tickets(self, request: Request) -> Response:
        return self._search(request, "tickets", self.all_tickets)

    def conversation(self, request: Request, key: str) -> Response:
        parts = {"type": "conversation_part.list", "conversation_parts": self.parts_of[key], "total_count": 2}
        return json_response({"type": "conversation", "id": key, "conversation_parts": parts})

    def ticket(self, request: Request, key: str) -> Response:
        parts = {"type": "ticket_part.list", "ticket_parts": self.ticket_parts_of[key], "total_count": 1}
        return json_response({"type": "ticket", "id": key, "ticket_parts": parts})

    def admins(self, request: Request) -> Response:
        return json_response({"type": "admin.list", "admins": self.all_admins})

    def scroll(self, request: Request) -> Response:
        """A hundred at a time; only an empty page is the end, and its scroll_param is there nevertheless."""
        at = int(request.args.get("scroll_param", "s0").removeprefix("s"))
        page, _ = sliced(self.all_companies, at, 100)
        return json_response({"type": "list", "data": page, "scroll_param": f"s{at + 100}"})

    def _search(self, request: Request, key: str, records: Records) -> Response:
        """Times are put back to the beginning of their day (UTC)."""
        body = request.get_json()
        if request.args or body["query"]["field"] != "updated_at" or body["query"]["operator"] != ">":
            return self._error(400, "parameter_invalid", "The query is not valid")
        since = body["query"]["value"] // A_DAY * A_DAY
        paging = body.get("pagination", {})
        found = [row for row in records if row["updated_at"] > since]
        return self._page(key, found, paging.get("per_page", 20), paging.get("starting_after"))

    def _page(self, key: str, records: Records, size: int, after: str | None) -> Response:
        if size > LARGEST_PAGE:
            return self._error(400, "parameter_invalid", "Per Page is too big")
        start = int((after or "w0").removeprefix("w"))
        page, more = sliced(records, start, size)
        pages: dict[str, Any] = {"type": "pages", "per_page": size, "page": start // size + 1}
        pages |= {"next": {"page": start // size + 2, "starting_after": f"w{start + size}"}} if more else {}
        return json_response({"type": "list", key: page, "pages": pages, "total_count": len(records)})
