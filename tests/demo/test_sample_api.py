"""The API that the demo syncs from."""

from __future__ import annotations

import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from runs.demo import dataset
from runs.demo.sample_api import SampleApi

api = SampleApi(frozenset({"right"}), latency=0)


def get(path: str, query: str = "", token: str = "right", method: str = "GET") -> tuple[int, dict[str, Any]]:
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    statuses: list[str] = []
    body = b"".join(api(environ, lambda status, headers: statuses.append(status)))
    return int(statuses[0][:3]), json.loads(body)


def test_it_serves_the_whole_dataset() -> None:
    assert (len(dataset.countries()), len(dataset.cities())) == (252, 34_006)
    assert sum(get("/cities", f"country={row['iso']}")[1]["total"] for row in dataset.countries()) == 34_006


def test_pages_follow_each_other_without_gap_or_overlap() -> None:
    pages = [get("/countries", f"page={page}&per_page=100")[1]["data"] for page in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [100, 100, 52, 0]
    assert [row for page in pages for row in page] == dataset.countries()


def test_countries_can_be_asked_for_by_continent() -> None:
    assert {row["continentcode"] for row in get("/countries", "continent=OC")[1]["data"]} == {"OC"}


@pytest.mark.parametrize(("since", "total"), [("2025-10-31T00:00:00Z", 34_006), ("2026-01-01", 0)])
def test_records_changed_before_the_asked_time_are_left_out(since: str, total: int) -> None:
    assert get("/cities", f"updated_since={since}")[1]["total"] == total


@pytest.mark.parametrize(
    ("status", "path", "query", "token", "method"),
    [
        (401, "/cities", "", "wrong", "GET"),
        (404, "/rivers", "", "right", "GET"),
        (405, "/cities", "", "right", "DELETE"),
        (400, "/cities", "page=0", "right", "GET"),
        (400, "/cities", "per_page=many", "right", "GET"),
        (400, "/cities", "updated_since=yesterday", "right", "GET"),
    ],
)
def test_what_it_refuses(status: int, path: str, query: str, token: str, method: str) -> None:
    assert get(path, query, token, method)[0] == status
