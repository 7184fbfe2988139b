"""Daemons on the wire: their status is what is true now, not what they last said."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from typing_extensions import TypedDict

from runs.api.payloads.common import known_time, one_of
from runs.lookups import Field, TimeField, parse_choice, parse_uuid
from runs.models import Daemon, DaemonStatus
from runs.models.daemon import has_status, serves


class StatusField(Field):
    """The status that is answered, which the row alone does not know."""

    def among(self, values: list[Any]) -> Q:
        return has_status(values)


class GroupField(Field):
    """A daemon of several groups is found by each of them, and by the text that is answered."""

    def among(self, values: list[Any]) -> Q:
        return reduce(or_, map(serves, values))


DAEMON_FIELDS = {
    "id": Field("id", parse_uuid),
    "daemon_id": Field("daemon_id"),
    "group_key": GroupField("group_key"),
    "status": StatusField("status", parse_choice(DaemonStatus.values)),
    "last_active_at": TimeField("last_active_at"),
    "created_at": TimeField("created_at"),
}


class DaemonPayload(TypedDict):
    id: UUID
    daemon_id: str
    group_key: str
    status: Annotated[str, one_of(DaemonStatus.values)]
    last_active_at: str
    metadata: dict[str, Any]


def daemon_payload(daemon: Daemon) -> DaemonPayload:
    return {
        "id": daemon.id,
        "daemon_id": daemon.daemon_id,
        "group_key": daemon.group_key,
        "status": daemon.status_now.value,
        "last_active_at": known_time(daemon.last_active_at),
        "metadata": daemon.metadata,
    }
