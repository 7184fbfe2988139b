"""What all objects on the wire share: how times look, how a list looks, and what a given body contains."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from ninja import Schema
from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from runs.lookups import Field, TimeField, parse_uuid

OWN_FIELDS = {
    "id": Field("id", parse_uuid),
    "environment_id": Field("environment_id", parse_uuid),
    "created_at": TimeField("created_at"),
    "updated_at": TimeField("updated_at"),
}


NULLABLE = {"default_runtime_version"}

Item = TypeVar("Item")


class ListOf(TypedDict, Generic[Item]):
    result: list[Item]
    next_cursor: str | None
    limit: int


class Deleted(TypedDict):
    id: UUID


def one_of(choices: Iterable[str]) -> WithJsonSchema:
    """The documentation of a text that is one of these; services and database see to it that it is."""
    return WithJsonSchema({"type": "string", "enum": list(choices)})


def wire_time(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, with milliseconds and `Z`."""
    return None if moment is None else known_time(moment)


def known_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def given(body: Schema) -> dict[str, Any]:
    """The fields that the client sent with a value: null stands for "not given" where a field cannot be null."""
    sent = body.model_dump(exclude_unset=True)
    return {name: value for name, value in sent.items() if value is not None or name in NULLABLE}
