"""The statements that move records into SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.utils import timezone

from runs.engine.record_form import StorableRecord
from runs.models.base import successive_uuid7, time_of

STORED = """
    SELECT record_id, content_hash FROM runs_record
    WHERE integrated_account_id = %s AND resource = %s AND deleted_at IS NULL
      AND record_id IN (SELECT value FROM json_each(%s))"""
# What is written, and what is not, as on PostgreSQL.
WRITE = """
    WITH shared(account, resource, run, created, now) AS (VALUES (?, ?, ?, ?, ?)),
      batch(id, record_id, data, hash) AS (VALUES {rows})
    INSERT INTO runs_record (id, integrated_account_id, resource, record_id, data, content_hash, first_run_id,
      last_run_id, created_at, updated_at)
    SELECT batch.id, account, resource, record_id, data, hash, run, run, created, now FROM shared, batch WHERE true
    ON CONFLICT (integrated_account_id, resource, record_id) DO UPDATE SET data = excluded.data,
      content_hash = excluded.content_hash, deleted_at = NULL,
      last_run_id = CASE WHEN deleted_at IS NULL AND is_same_json(data, excluded.data) THEN last_run_id
        ELSE excluded.last_run_id END,
      updated_at = CASE WHEN deleted_at IS NULL AND is_same_json(data, excluded.data) THEN updated_at
        ELSE excluded.updated_at END
    WHERE content_hash IS NOT excluded.content_hash OR deleted_at IS NOT NULL"""
ROWS_AT_ONCE = 1_000  # four parameters each; SQLite takes 32,766


def differing(account_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> tuple[list[StorableRecord], bool]:
    """Those that are not stored like this, and no: new ones are written no faster than others."""
    ids = orjson.dumps([row.record_id for row in rows]).decode()
    with connection.cursor() as cursor:
        cursor.execute(STORED, [account_id.hex, resource, ids])
        stored = dict(cursor.fetchall())
    return [row for row in rows if stored.get(row.record_id) != row.content_hash], False


def write(account_id: UUID, run_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> int:
    """Store the rows, of which no two have the same id. Returns how many were not stored like this.

    All in one statement: between two of them another thread would get the interpreter, and keep it for a while.
    """
    now, run = connection.ops.adapt_datetimefield_value(timezone.now()), run_id.hex
    ids = successive_uuid7(len(rows))
    created = connection.ops.adapt_datetimefield_value(time_of(ids[0]))
    shared: list[Any] = [account_id.hex, resource, run, created, now]
    written = 0
    connection.ensure_connection()
    with connection.wrap_database_errors:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[first : first + ROWS_AT_ONCE]
            values = [
                value
                for row_id, row in zip(ids[first : first + ROWS_AT_ONCE], part, strict=True)
                for value in (row_id, row.record_id, row.json.decode(), row.content_hash)
            ]
            written += connection.connection.execute(_statement(len(part)), shared + values).rowcount
    return written


@lru_cache(maxsize=8)
def _statement(count: int) -> str:
    """Its parameters have no numbers: each of thousands of names would be looked up among all."""
    return WRITE.format(rows=", ".join(["(?, ?, ?, ?)"] * count))
