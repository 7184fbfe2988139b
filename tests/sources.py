"""A source on a real socket that keeps a ledger of every request it served."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request, Response

from tests.http_server import PromptServer

Reply = Callable[[Request], "Response | None"]


@dataclass(frozen=True)
class Served:
    """One request that the source answered."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Source:
    """Tables served page by page: `GET /<table>?page=1&per_page=100`, filtered by any column named in the query.

    `before` is called ahead of each answer and may answer in its stead, wait, or act on the run.
    """

    url: str
    tables: dict[str, list[dict[str, Any]]]
    before: Reply | None = None
    served: list[Served] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self, path: str) -> list[Served]:
        return [request for request in self.served if request.path == path]

    def answer(self, request: Request) -> Response:
        with self._lock:
            self.served.append(Served(request.path, request.args.to_dict(), dict(request.headers)))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            instead = self.before(request) if self.before else None
            return instead or self._page(request)
        finally:
            with self._lock:
                self.in_flight -= 1

    def _page(self, request: Request) -> Response:
        table, _, key = request.path.strip("/").partition("/")
        rows = self.tables.get(table)
        if rows is None:
            return Response("no such table", 404)
        if key:
            return json_response(next((row for row in rows if str(row["id"]) == key), None))
        kept = [row for row in rows if all(str(row[name]) == value for name, value in self._filters(request, rows))]
        page, size = int(request.args.get("page", 1)), int(request.args.get("per_page", 100))
        return json_response({"data": kept[(page - 1) * size : page * size]})

    def _filters(self, request: Request, rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        columns = rows[0] if rows else {}
        return ((name, value) for name, value in request.args.items() if name in columns)


def json_response(value: Any) -> Response:
    return Response("not found", 404) if value is None else Response(json.dumps(value), mimetype="application/json")


@contextmanager
def serving(tables: dict[str, list[dict[str, Any]]], host: str = "localhost") -> Iterator[Source]:
    """A source with these tables, on a free port, for as long as the block lasts."""
    with PromptServer(host, threaded=True) as server:
        source = Source(server.url_for("/").rstrip("/"), tables)
        server.expect_request(re.compile(".*")).respond_with_handler(source.answer)
        yield source


def countries_and_cities(countries: int, cities: int) -> dict[str, list[dict[str, Any]]]:
    """So many countries, each with so many cities."""
    codes = [f"C{number:03}" for number in range(countries)]
    return {
        "countries": [{"id": code, "iso": code, "name": f"Country {code}"} for code in codes],
        "cities": [
            {"id": number * 1000 + city, "geonameid": number * 1000 + city, "country": code, "name": f"City {city}"}
            for number, code in enumerate(codes)
            for city in range(cities)
        ],
    }
