"""What the outside knows: a source that notes every record it served and leaks what it was sent, and canaries.

The receiver of `tests.receiver` is a ledger already: it keeps every byte.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request, Response

from tests.http_server import PromptServer
from tests.sources import Source, countries_and_cities

PAGE_SIZE = 10
KEYS = {"countries": "iso", "cities": "geonameid"}  # by which the integration of `tests.factories` names records
# Secrets that are planted where an installation keeps or sends some: not one of them may ever be seen again.
CANARIES = {
    "token": "canary-in-credentials-9f31c07e",
    "client_secret": "canary-in-a-header-5b8d2a64",
    "url_key": "canary-in-an-address-e7710f93",
}
ARGUMENT = "canary-in-arguments-41c6aa08"


@dataclass
class SourceLedger(Source):
    """`tables` is its final state; `given`: per table and record id every state that was ever served.

    `pause`: seconds that each answer takes, so that several batches are written one after another.
    """

    pause: float = 0
    given: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def _page(self, request: Request) -> Response:
        threading.Event().wait(self.pause)
        response = super()._page(request)
        if response.status_code == 200:
            table = request.path.strip("/").partition("/")[0]
            body = json.loads(response.get_data())
            with self._lock:
                for row in body.get("data", [body]):
                    self._note(table, row)
        return response

    def _note(self, table: str, row: dict[str, Any]) -> None:
        states = self.given.setdefault(table, {}).setdefault(str(row[KEYS[table]]), [])
        if row not in states:
            states.append(row)

    @staticmethod
    def key_of(table: str) -> str:
        """The field that names a table's records."""
        return KEYS[table]

    def state(self, table: str) -> dict[str, dict[str, Any]]:
        """The final state by record id."""
        return {str(row[KEYS[table]]): row for row in self.tables[table]}


def telling_all(request: Request, status: int, **headers: str) -> Response:
    """A failing answer of an API that repeats everything it was sent, as some do."""
    told = {"error": "failed", "url": request.url, "headers": dict(request.headers)}
    return Response(json.dumps(told), status, headers=headers, mimetype="application/json")


@contextmanager
def ledger(countries: int = 40, cities: int = 2) -> Iterator[SourceLedger]:
    """A source on a free port, for as long as the block lasts."""
    with PromptServer(threaded=True) as server:
        source = SourceLedger(server.url_for("/").rstrip("/"), countries_and_cities(countries, cities))
        server.expect_request(re.compile(".*")).respond_with_handler(source.answer)
        yield source


def of_the_source(url: str, **over: Any) -> dict[str, Any]:
    """What an integration's description adds for this source: small pages, the tenant, canaries in what is sent."""
    paging = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": PAGE_SIZE}}
    sent = {
        "headers": {"X-Client": "{{context.client_secret}}", "X-Tenant": "{{context.tenant}}"},
        "query": {"key": "{{context.url_key}}"},
    }
    return {"base_url": url, "pagination": paging, "concurrency": 4, **sent, **over}
