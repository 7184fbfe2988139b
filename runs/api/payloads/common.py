"""What all objects on the wire share: how times look, how a list looks, and what a given body contains."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from uuid import UUID

from ninja import Schema
from typing_extensions import TypedDict

from runs.lookups import Field, TimeField, parse_uuid
from runs.wire import known_time as known_time
from runs.wire import one_of as one_of
from runs.wire import wire_time as wire_time

OWN_FIELDS = {
    "id": Field("id", parse_uuid),
    "environment_id": Field("environment_id", parse_uuid),
    "created_at": TimeField("created_at"),
    "updated_at": TimeField("updated_at"),
}


NULLABLE = {"default_runtime_version", "event_types"}

Item = TypeVar("Item")


class ListOf(TypedDict, Generic[Item]):
    result: list[Item]
    next_cursor: str | None
    limit: int


class Deleted(TypedDict):
    id: UUID


def given(body: Schema) -> dict[str, Any]:
    """The fields that the client sent with a value: null stands for "not given" where a field cannot be null."""
    sent = body.model_dump(exclude_unset=True)
    return {name: value for name, value in sent.items() if value is not None or name in NULLABLE}
