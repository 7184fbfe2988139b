"""A small HTTP API over the dataset, as a vendor would offer it: a bearer token, pages, and a filter by time.

    python -m runs.demo.sample_api --port 8765

Its tokens are those in the environment variable SAMPLE_API_TOKENS, separated by commas. Standard output is its log,
one line per request.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import waitress

from runs.demo import dataset

LATENCY = 0.06  # seconds: an API across a network, so that a run can be watched
MOST_PER_PAGE = 200
COUNTRIES, CITIES = "/countries", "/cities"

Query = Mapping[str, str]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Refused(Exception):
    """The request is answered with an error status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class SampleApi:
    """The WSGI application."""

    tokens: frozenset[str]
    latency: float = LATENCY

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        time.sleep(self.latency)
        try:
            status, answer = HTTPStatus.OK, self.answer(environ)
        except Refused as refusal:
            status, answer = refusal.status, {"message": str(refusal)}
        body = json.dumps(answer).encode()
        print(f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')} {status.value} {len(body)}", flush=True)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def answer(self, environ: Mapping[str, Any]) -> dict[str, Any]:
        """One page of what was asked for. Raises Refused."""
        self._check_token(environ.get("HTTP_AUTHORIZATION", ""))
        if environ["REQUEST_METHOD"] != "GET":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is offered.")
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        return page_of(changed_since(self._rows(environ["PATH_INFO"], query), query), query)

    def _check_token(self, header: str) -> None:
        scheme, _, given = header.partition(" ")
        known = any(hmac.compare_digest(given.encode(), token.encode()) for token in self.tokens)
        if scheme.lower() != "bearer" or not known:
            raise Refused(HTTPStatus.UNAUTHORIZED, "A valid bearer token is needed.")

    def _rows(self, path: str, query: Query) -> list[dict[str, Any]]:
        if path == COUNTRIES:
            continent = query.get("continent")
            return [row for row in dataset.countries() if continent in (None, "", row["continentcode"])]
        if path == CITIES:
            return dataset.cities_of(query["country"]) if "country" in query else dataset.cities()
        raise Refused(HTTPStatus.NOT_FOUND, f"There is {COUNTRIES} and {CITIES}.")


def changed_since(rows: list[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """The rows that changed at or after `updated_since`; all of them share the dataset's time. Raises Refused."""
    since = query.get("updated_since")
    if not since:
        return rows
    try:
        asked = datetime.fromisoformat(since)
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "updated_since is no ISO 8601 time.") from error
    asked = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
    return rows if asked <= dataset.AS_OF else []


def page_of(rows: list[dict[str, Any]], query: Query) -> dict[str, Any]:
    """The asked page of the rows, with their total. Raises Refused."""
    page, size = number(query, "page", 1), min(number(query, "per_page", 100), MOST_PER_PAGE)
    return {"data": rows[(page - 1) * size : page * size], "page": page, "per_page": size, "total": len(rows)}


def number(query: Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name} is a number from 1 on.")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo's sample API.")
    parser.add_argument("--port", type=int, required=True)
    tokens = frozenset(filter(None, os.environ.get("SAMPLE_API_TOKENS", "").split(",")))
    dataset.cities_of("")
    waitress.serve(SampleApi(tokens), host="127.0.0.1", port=parser.parse_args().port, threads=16, _quiet=True)


if __name__ == "__main__":
    main()
