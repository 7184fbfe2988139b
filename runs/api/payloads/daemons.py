"""Daemons on the wire: their status is what is true now, not what they last said."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from typing_extensions import TypedDict

from runs.api.payloads.common import known_time
from runs.lookups import Field, TimeField, parse_uuid
from runs.models import Daemon

DAEMON_FIELDS = {
    "id": Field("id", parse_uuid),
    "daemon_id": Field("daemon_id"),
    "group_key": Field("group_key"),
    "last_active_at": TimeField("last_active_at"),
}


class DaemonPayload(TypedDict):
    id: UUID
    daemon_id: str
    group_key: str
    status: str
    last_active_at: str
    metadata: dict[str, Any]


def daemon_payload(daemon: Daemon, now: datetime) -> DaemonPayload:
    return {
        "id": daemon.id,
        "daemon_id": daemon.daemon_id,
        "group_key": daemon.group_key,
        "status": daemon.status_at(now).value,
        "last_active_at": known_time(daemon.last_active_at),
        "metadata": daemon.metadata,
    }
