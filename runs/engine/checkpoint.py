"""What a batch leaves in the rows of its run and its step, under the fence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, JSONField, PositiveBigIntegerField, PositiveIntegerField, UUIDField

from runs.engine.claim import ADDED, HOLD_WITH_COUNTS, Claim
from runs.engine.rows_postgresql import binding_cursor
from runs.models import RunStep
from runs.models.base import Now
from runs.prepared import Given, PreparedUpdate

# Both rows in one statement: it is its own transaction where nothing else is written, as for a page of which every
# record is known.
ADVANCE = """
    WITH held AS (
      UPDATE runs_syncjobrun SET fetched = fetched + %(fetched)s, persisted = persisted + %(persisted)s,
        error_count = error_count + %(errors)s, crashes = 0, updated_at = STATEMENT_TIMESTAMP(),
        lease_until = STATEMENT_TIMESTAMP() + make_interval(secs => %(lease)s)
      WHERE id = %(run)s AND lease_token = %(token)s AND status = 'running' AND stop_requested_at IS NULL
      RETURNING id
    )
    UPDATE runs_runstep SET fetched = runs_runstep.fetched + %(fetched)s,
      persisted = runs_runstep.persisted + %(persisted)s, error_count = runs_runstep.error_count + %(errors)s,
      failed_requests = failed_requests + %(held_by)s, pages = pages + %(pages)s, position = %(position)s,
      cursor = %(cursor)s::jsonb, request_total = request_total + %(requests)s, updated_at = STATEMENT_TIMESTAMP()
    FROM held WHERE runs_runstep.id = %(step)s"""

_ADVANCED = PreparedUpdate(
    lambda: RunStep.objects.filter(id=Given("step", UUIDField())),
    **ADDED,
    failed_requests=F("failed_requests") + Given("held_by", PositiveIntegerField()),
    pages=F("pages") + Given("pages", PositiveBigIntegerField()),
    request_total=F("request_total") + Given("requests", PositiveBigIntegerField()),
    position=Given("position", PositiveBigIntegerField()),
    cursor=Given("cursor", JSONField()),
    updated_at=Now(),
)


@dataclass(frozen=True)
class Progress:
    """What a batch adds to both rows, and where the step stands behind it. `held_by`: how many of the errors hold the
    entry's date; `requests`: how many more the step has to make."""

    fetched: int
    persisted: int
    errors: int
    held_by: int
    pages: int
    position: int
    cursor: Mapping[str, Any] | None
    requests: int


def advance(claim: Claim, step_id: UUID, progress: Progress) -> None:
    """Write it, renew the lease, and lock the run's row until the transaction ends.

    Raises LeaseLost or StopRequested, and writes nothing then.
    """
    if connection.vendor == "postgresql":
        _advance_at_once(claim, step_id, progress)
    else:
        _advance(claim, step_id, progress)


def _advance_at_once(claim: Claim, step_id: UUID, progress: Progress) -> None:
    values = vars(progress) | {"run": claim.run_id, "token": claim.token, "step": step_id}
    values |= {"cursor": orjson.dumps(progress.cursor).decode(), "lease": settings.LEASE_SECONDS}
    with binding_cursor() as cursor:
        cursor.execute(ADVANCE, values)
        if not cursor.rowcount:
            claim.give_up()


def _advance(claim: Claim, step_id: UUID, progress: Progress) -> None:
    with transaction.atomic():
        claim.hold_with(HOLD_WITH_COUNTS, **vars(progress))
        _ADVANCED(step=step_id, **vars(progress))
