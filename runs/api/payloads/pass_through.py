"""What came through from a source, on the wire."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from runs.connectors import UnmappedRecord
from runs.errors import Failure, InvalidInput
from runs.services import PassedThrough


class RecordFault(TypedDict):
    """A record that the mapping fails on, as the source sent it."""

    code: str
    message: str
    remote_data: Any


class PagePayload(TypedDict):
    """`limit` is null where the source is not told a size."""

    result: list[Any]
    next_cursor: str | None
    limit: int | None
    errors: list[RecordFault]


def page_payload(passed: PassedThrough) -> PagePayload:
    return {
        "result": passed.page.records,
        "next_cursor": passed.next_cursor,
        "limit": passed.limit,
        "errors": [_fault(record) for record in passed.page.unmapped],
    }


def record_of(passed: PassedThrough) -> Any:
    """The one record. Raises InvalidInput where the mapping fails on it."""
    if passed.page.unmapped:
        raise InvalidInput([Failure("config.response_mapping", passed.page.unmapped[0].message)])
    return passed.page.records[0]


def _fault(unmapped: UnmappedRecord) -> RecordFault:
    return {"code": "mapping_failed", "message": unmapped.message, "remote_data": unmapped.record}
