"""The statements that move records into PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, transaction
from django.utils import timezone
from orjson import dumps as json_bytes
from psycopg import postgres
from psycopg.adapt import Dumper

from runs.engine.record_form import StorableRecord
from runs.models.base import successive_uuid7, time_of

# One JSON parameter for all records: faster than COPY with a temporary table, and it works behind a pooler.
INSERT = """
    INSERT INTO runs_record (id, integrated_account_id, resource, record_id, data, content_hash, first_run_id,
      last_run_id, created_at, updated_at)
    SELECT batch.id, %(account)s, %(resource)s, batch.record_id, batch.data,
      substring(%(hashes)b FROM batch.place::int * 16 - 15 FOR 16), %(run)s, %(run)s, %(created)s, %(now)s
    FROM ROWS FROM (
      unnest(%(ids)s::uuid[]), jsonb_array_elements_text(%(record_ids)s::jsonb),
      jsonb_array_elements(%(records)s::jsonb)
    ) WITH ORDINALITY AS batch(id, record_id, data, place)"""
# An unchanged record is not written: no new row version, no WAL, `updated_at` and `last_run_id` stay. They stay as well
# where the bytes are others and their meaning is the same: then only the hash is noted, to be known by next time.
UNLESS_KNOWN = """
    ON CONFLICT (integrated_account_id, resource, record_id) DO UPDATE SET deleted_at = NULL,
      (data, content_hash, last_run_id, updated_at) = (
        SELECT excluded.data, excluded.content_hash,
          CASE WHEN is_same THEN runs_record.last_run_id ELSE excluded.last_run_id END,
          CASE WHEN is_same THEN runs_record.updated_at ELSE excluded.updated_at END
        FROM (SELECT runs_record.data = excluded.data AND runs_record.deleted_at IS NULL AS is_same) AS looked)
    WHERE runs_record.content_hash IS DISTINCT FROM excluded.content_hash OR runs_record.deleted_at IS NOT NULL"""
WRITE = INSERT + UNLESS_KNOWN
# The places of those that are new or changed, and which of the two they are. An id is looked up by its bounds, in the
# order of `record_once`: while the table has no statistics, a plain join has a poor plan, and an equal id is looked for
# in whichever index begins with account and resource.
DIFFERING = """
    SELECT batch.place, stored.content_hash IS NULL
    FROM jsonb_array_elements_text(%(record_ids)s::jsonb) WITH ORDINALITY AS batch(record_id, place)
    LEFT JOIN LATERAL (
      SELECT content_hash, deleted_at FROM runs_record
      WHERE integrated_account_id = %(account)s AND resource = %(resource)s
        AND record_id ~>=~ batch.record_id AND record_id ~<=~ batch.record_id
      ORDER BY record_id USING ~<~ LIMIT 1
    ) AS stored ON true
    WHERE stored.content_hash IS DISTINCT FROM substring(%(hashes)b FROM batch.place::int * 16 - 15 FOR 16)
      OR stored.deleted_at IS NOT NULL"""


def differing(account_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> tuple[list[StorableRecord], bool]:
    """Those that are not stored like this, and whether they are best written by `insert`: none is stored at all."""
    with binding_cursor() as cursor:
        cursor.execute(DIFFERING, _keys(account_id, resource, rows))
        found = cursor.fetchall()
    return [rows[place - 1] for place, _ in found], all(is_new for _, is_new in found)


def insert(account_id: UUID, run_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> None:
    """Store the rows. Raises IntegrityError, and stores none, where one of the ids is stored already.

    Where none is, this takes a sixth less than `write`, which marks each row as a try until it has seen all indexes.
    """
    with transaction.atomic():
        _execute(INSERT, account_id, run_id, resource, rows)


def write(account_id: UUID, run_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> int:
    """Store the rows, of which no two have the same id. Returns how many were not stored like this."""
    return _execute(WRITE, account_id, run_id, resource, rows)


def _execute(statement: str, account_id: UUID, run_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> int:
    ids = successive_uuid7(len(rows))
    values = {
        **_keys(account_id, resource, rows),
        "ids": "{" + ",".join(ids) + "}",
        "records": _Json(b",".join([b"[" + rows[0].json, *[row.json for row in rows[1:]]]) + b"]"),
        "run": run_id,
        "created": time_of(ids[0]),
        "now": timezone.now(),
    }
    with binding_cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _keys(account_id: UUID, resource: str, rows: Sequence[StorableRecord]) -> dict[str, Any]:
    """What every statement knows the rows by. The hashes go as one value: lists of bytes take psycopg some fifty
    microseconds an element."""
    ids = json_bytes([row.record_id for row in rows]).decode()
    hashes = b"".join([row.content_hash for row in rows])
    return {"account": account_id, "resource": resource, "record_ids": ids, "hashes": hashes}


@dataclass(frozen=True)
class _Json:
    """A text in UTF-8 that goes to the database as it is: a batch is a megabyte, of which every copy counts."""

    text: bytes


class _JsonDumper(Dumper):
    oid = postgres.types["jsonb"].oid

    def dump(self, obj: _Json) -> bytes:
        return obj.text


@contextmanager
def binding_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """PostgreSQL's own binding of parameters: Django's cursor writes them into the statement, which then is parsed."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_dumper(_Json, _JsonDumper)
        yield cursor
