"""Where a run's records go. One interface, one statement per database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from django.db import IntegrityError, connection

from runs.engine import rows_postgresql, rows_sqlite
from runs.engine.record_form import StorableRecord


class Sink(Protocol):
    """Takes the records of a batch.

    `counts_at_once`: they are persisted by that. Where not, the sink counts them itself, later.
    """

    @property
    def counts_at_once(self) -> bool: ...

    def differing(self, resource: str, records: Sequence[StorableRecord]) -> Sequence[StorableRecord]:
        """Those that have to be written. Reads, at most, and needs no transaction."""
        ...

    def write(self, resource: str, records: Sequence[StorableRecord]) -> None:
        """Write what `differing` gave, of which there is some, within the caller's transaction."""
        ...


class RecordStore:
    """The sink of daemon runs: one row per (account, resource, record id).

    Safe to repeat: writing the same records again changes nothing.
    """

    counts_at_once = True

    def __init__(self, account_id: UUID, run_id: UUID) -> None:
        self._account_id = account_id
        self._run_id = run_id
        self._asks = True
        self._are_new = False
        self._came = 0
        self._rows = rows_postgresql if connection.vendor == "postgresql" else rows_sqlite

    def differing(self, resource: str, records: Sequence[StorableRecord]) -> Sequence[StorableRecord]:
        """Of several records with one id the last; sorted by id, so that two runs never wait for each other's rows
        crosswise.

        While most of them are known and unchanged, the database is asked which are not, which costs far less than to
        send them all; once most are new, they are sent unasked. What another run writes between the answer and the
        end of the transaction, it has written after this one, as it were.
        """
        latest = {record.record_id: record for record in records}
        rows = [latest[record_id] for record_id in sorted(latest)]
        self._came = len(rows)
        if not rows or not self._asks:
            return rows
        found, self._are_new = self._rows.differing(self._account_id, resource, rows)
        return found

    def write(self, resource: str, records: Sequence[StorableRecord]) -> None:
        written = self._written(resource, records)
        self._asks = written * 2 < self._came

    def _written(self, resource: str, records: Sequence[StorableRecord]) -> int:
        """Records follow others of their kind: after new ones they are taken for new, until one of them is not."""
        if self._are_new:
            try:
                self._rows.insert(self._account_id, self._run_id, resource, records)
            except IntegrityError:
                self._are_new = False
            else:
                return len(records)
        return self._rows.write(self._account_id, self._run_id, resource, records)
