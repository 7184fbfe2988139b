"""A program that talks to the API, and how to read what it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client


@dataclass
class Program:
    """A program that talks to the API with one token."""

    token: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The response to a request whose body, if any, is sent as JSON."""
        if body is not None:
            more = {"data": body, "content_type": "application/json", **more}
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.client.generic(method, path, headers=headers, **_encoded(more))

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, body, **more)

    def patch(self, path: str, body: Any = None) -> Any:
        return self.ask("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.ask("DELETE", path)

    def all_of(self, path: str, cursor: str | None = "") -> list[dict[str, Any]]:
        """The whole list at the path, or all of it from a cursor on, read page by page."""
        rows = []
        while cursor is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}next_cursor={cursor}").json()
            rows += page["result"]
            cursor = page["next_cursor"]
        return rows


def _encoded(more: dict[str, Any]) -> dict[str, Any]:
    """Objects become JSON text; text goes out as it is, so that a test can send what is no JSON."""
    data = more.pop("data", "")
    text = data if isinstance(data, str | bytes) else json.dumps(data)
    return {"data": text, "content_type": more.pop("content_type", ""), **more}


def failure_paths(response: Any) -> list[str]:
    """The paths of a 400's failures, sorted."""
    assert response.status_code == 400, response.content
    return sorted(failure["path"] for failure in response.json()["details"]["failures"])
