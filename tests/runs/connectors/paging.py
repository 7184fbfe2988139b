"""Helpers of the tests of paginations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runs.connectors import ApiSpec, RequestValues
from runs.connectors.faults import Section
from runs.connectors.pagination import Pagination, parse_pagination
from tests.runs.connectors.sources import client


def pagination(format: str, config: Mapping[str, Any]) -> Pagination:
    """The parsed pagination, which has no faults."""
    section = Section({"format": format, "config": config})
    parsed = parse_pagination(section)
    assert parsed is not None and section.failures == []
    return parsed


def all_pages(of: ApiSpec, **request: Any) -> list[Any]:
    """Every record, each page asked for through a cursor that has been through JSON, by a client of its own."""
    records: list[Any] = []
    cursor = None
    while True:
        with client(of) as api:
            fetched = api.fetch(of.method("things", "list"), RequestValues(**request), cursor)
        records += fetched.records
        if fetched.next_cursor is None:
            return records
        cursor = json.loads(json.dumps(fetched.next_cursor))
