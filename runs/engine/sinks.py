"""Where a run's records go. One interface, one statement per database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

import psycopg
from django.db import connection
from django.utils import timezone
from orjson import dumps as json_bytes
from uuid_utils import uuid7

from runs.engine.record_form import StorableRecord

# An unchanged record is not written: no new row version, no WAL, `updated_at` and `last_run_id` stay.
# One JSON parameter for all records: faster than COPY with a temporary table, and it works behind a pooler.
POSTGRESQL = """
    INSERT INTO runs_record (id, integrated_account_id, resource, record_id, data, content_hash, first_run_id,
      last_run_id, created_at, updated_at)
    SELECT batch.id, %(account)s, %(resource)s, batch.record_id, batch.data, batch.hash,
      %(run)s, %(run)s, %(now)s, %(now)s
    FROM ROWS FROM (
      unnest(%(ids)s::uuid[]), jsonb_array_elements_text(%(record_ids)s::jsonb),
      jsonb_array_elements(%(records)s::jsonb), unnest(%(hashes)s::bytea[])
    ) AS batch(id, record_id, data, hash)
    ON CONFLICT (integrated_account_id, resource, record_id) DO UPDATE SET data = excluded.data,
      content_hash = excluded.content_hash, last_run_id = excluded.last_run_id, updated_at = excluded.updated_at,
      deleted_at = NULL
    WHERE runs_record.content_hash IS DISTINCT FROM excluded.content_hash OR runs_record.deleted_at IS NOT NULL"""
# The places of those that are new or changed. LATERAL with a LIMIT: a plain join has a poor plan while the table is
# new and has no statistics.
DIFFERING = """
    SELECT batch.place
    FROM ROWS FROM (jsonb_array_elements_text(%(record_ids)s::jsonb), unnest(%(hashes)s::bytea[]))
      WITH ORDINALITY AS batch(record_id, hash, place)
    LEFT JOIN LATERAL (
      SELECT content_hash, deleted_at FROM runs_record
      WHERE integrated_account_id = %(account)s AND resource = %(resource)s AND record_id = batch.record_id LIMIT 1
    ) AS stored ON true
    WHERE stored.content_hash IS DISTINCT FROM batch.hash OR stored.deleted_at IS NOT NULL"""
SQLITE_STORED = """
    SELECT record_id, content_hash FROM runs_record
    WHERE integrated_account_id = %s AND resource = %s AND deleted_at IS NULL
      AND record_id IN (SELECT value FROM json_each(%s))"""
SQLITE = """
    INSERT INTO runs_record (id, integrated_account_id, resource, record_id, data, content_hash, first_run_id,
      last_run_id, created_at, updated_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (integrated_account_id, resource, record_id) DO UPDATE SET data = excluded.data,
      content_hash = excluded.content_hash, last_run_id = excluded.last_run_id, updated_at = excluded.updated_at,
      deleted_at = NULL
    WHERE runs_record.content_hash IS NOT excluded.content_hash OR runs_record.deleted_at IS NOT NULL"""


class Sink(Protocol):
    """Takes the records of a batch within the caller's transaction.

    `counts_at_once`: they are persisted by that. Where not, the sink counts them itself, later.
    """

    @property
    def counts_at_once(self) -> bool: ...

    def write(self, resource: str, records: Sequence[StorableRecord]) -> None: ...


class RecordStore:
    """The sink of daemon runs: one row per (account, resource, record id).

    Safe to repeat: writing the same records again changes nothing.
    """

    counts_at_once = True

    def __init__(self, account_id: UUID, run_id: UUID) -> None:
        self._account_id = account_id
        self._run_id = run_id
        self._asks = True

    def write(self, resource: str, records: Sequence[StorableRecord]) -> None:
        """Store the records; of several with one id the last wins.

        They are sorted by id, so that two runs never wait for each other's rows crosswise. While most of them are
        known and unchanged the database is asked first which are not, which costs far less than to send them all; once
        most are new, they are sent unasked.
        """
        latest = {record.record_id: record for record in records}
        rows = [latest[record_id] for record_id in sorted(latest)]
        if not rows:
            return
        is_postgresql = connection.vendor == "postgresql"
        if self._asks:
            rows = self._differing(resource, rows) if is_postgresql else self._differing_sqlite(resource, rows)
        written = len(rows)
        if rows:
            written = self._write(resource, rows) if is_postgresql else self._write_sqlite(resource, rows)
        self._asks = written * 2 < len(latest)

    def _differing(self, resource: str, rows: list[StorableRecord]) -> list[StorableRecord]:
        with _binding_cursor() as cursor:
            cursor.execute(DIFFERING, self._keys(resource, rows))
            return [rows[place - 1] for (place,) in cursor.fetchall()]

    def _write(self, resource: str, rows: list[StorableRecord]) -> int:
        with _binding_cursor() as cursor:
            cursor.execute(
                POSTGRESQL,
                {
                    **self._keys(resource, rows),
                    "ids": "{" + ",".join(str(uuid7()) for _ in rows) + "}",
                    "records": (b"[" + b",".join([row.json for row in rows]) + b"]").decode(),
                    "run": self._run_id,
                    "now": timezone.now(),
                },
            )
            return cursor.rowcount

    def _keys(self, resource: str, rows: list[StorableRecord]) -> dict[str, Any]:
        """What both of PostgreSQL's statements know the rows by."""
        ids, hashes = _id_array(rows), _hash_array(rows)
        return {"account": self._account_id, "resource": resource, "record_ids": ids, "hashes": hashes}

    def _differing_sqlite(self, resource: str, rows: list[StorableRecord]) -> list[StorableRecord]:
        with connection.cursor() as cursor:
            cursor.execute(SQLITE_STORED, [self._account_id.hex, resource, _id_array(rows)])
            stored = dict(cursor.fetchall())
        return [row for row in rows if stored.get(row.record_id) != row.content_hash]

    def _write_sqlite(self, resource: str, rows: list[StorableRecord]) -> int:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        run = self._run_id.hex
        head, tail = (self._account_id.hex, resource), (run, run, now, now)
        values = [(uuid7().hex, *head, row.record_id, row.json.decode(), row.content_hash, *tail) for row in rows]
        with connection.cursor() as cursor:
            cursor.executemany(SQLITE, values)
            return cursor.rowcount


@contextmanager
def _binding_cursor() -> Iterator[Any]:
    """PostgreSQL's own binding of parameters: Django's cursor writes them into the statement, which then is parsed."""
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def _id_array(rows: Sequence[StorableRecord]) -> str:
    return json_bytes([row.record_id for row in rows]).decode()


def _hash_array(rows: Sequence[StorableRecord]) -> str:
    """As one text: psycopg's own way with lists of bytes takes some fifty microseconds an element."""
    return "{" + ",".join(f'"\\\\x{row.content_hash.hex()}"' for row in rows) + "}"
