"""The lines of a run's timeline, and the events that webhooks are sent of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from runs.connectors import masked
from runs.engine.outbox import announce
from runs.models import EventKind, RunEvent
from runs.models.base import uuid7
from runs.prepared import PreparedInsert

EVENT = PreparedInsert(RunEvent)


@transaction.atomic(savepoint=False)
def add_event(
    run_id: UUID,
    kind: EventKind,
    message: str,
    actor: str = "",
    details: dict[str, Any] | None = None,
    *,
    told: bool = True,
) -> None:
    """A line of the run's timeline, and the event that webhooks are sent of it, where there is one.

    `told` false: it is known that there is no webhook.
    """
    EVENT(**event_row(run_id, kind, message, actor, details))
    if told:
        announce(run_id, kind)


def event_row(
    run_id: UUID, kind: EventKind, message: str, actor: str = "", details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The columns of such a line, without any secret in its message."""
    row = {"id": uuid7(), "run_id": run_id, "kind": kind, "message": masked(message), "actor": actor}
    return {**row, "details": details, "created_at": timezone.now()}
