"""What is done about a database that is away for a while, or that answers too slowly."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import structlog
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)

from runs.errors import SyncdeckError
from runs.hashing import canonical

log = structlog.get_logger(__name__)

# A connection that was cut raises the first, each later use of it the second, which is not a DatabaseError.
DATABASE_FAULTS = (DatabaseError, InterfaceError)
RETRY_AFTER = 5  # seconds, as whoever asked of a database that is away is told
# PostgreSQL's own codes (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_TOO_LATE = {"57014", "55P03"}  # the statement was cancelled, a lock was not given
_BUSY = {*_TOO_LATE, "40001", "40P01"}  # two were in each other's way, or waited for each other


def is_outage(error: BaseException | None) -> bool:
    """Whether the database is away or busy: what was asked may well succeed a little later.

    To SQLite a table that is missing is an error of the same class, and no outage.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR


def is_busy(error: BaseException | None) -> bool:
    """Whether the outage is no more than that: somebody else holds what is to be changed, or it takes too long."""
    cause = getattr(error, "__cause__", None)
    return getattr(cause, "sqlstate", None) in _BUSY or getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


@contextmanager
def outages_survived(who: str) -> Iterator[None]:
    """Within it a failing database is logged and left for the next time. `who` stands in the log's line."""
    close_old_connections()
    try:
        yield
    except DATABASE_FAULTS:
        log.exception("The database can't be reached.", who=who)
        connection.close()


def teach_sqlite(connection: Any, **_: Any) -> None:
    """Give a new connection to SQLite the function that tells JSON of the same meaning, as PostgreSQL's own type does.

    Once: it lets all of the connection's prepared statements be prepared anew.
    """
    if connection.vendor == "sqlite":
        connection.connection.create_function("is_same_json", 2, _is_same_json, deterministic=True)


def _is_same_json(one: str, other: str) -> bool:
    return canonical(json.loads(one)) == canonical(json.loads(other))


class ReadTimedOut(SyncdeckError):
    """The database took longer for an answer than its reader would wait."""


_INTERRUPTED = "interrupted"  # SQLite's own word
_STEPS = 20_000  # of SQLite's machine between two looks at the clock: well under a millisecond


@contextmanager
def bounded_read(milliseconds: int) -> Iterator[None]:
    """A statement within it is broken off by the database after so long. Raises ReadTimedOut.

    For reads of pages that somebody waits for; the connection can be used again afterwards. PostgreSQL gives each
    statement that time, SQLite all of them together.
    """
    within = _bounded_postgresql if connection.vendor == "postgresql" else _bounded_sqlite
    try:
        with within(milliseconds):
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) in _TOO_LATE or str(error) == _INTERRUPTED:
            raise ReadTimedOut(f"The database did not answer within {milliseconds} ms.") from error
        raise


@contextmanager
def _bounded_postgresql(milliseconds: int) -> Iterator[None]:
    """The limit ends with the transaction, so it can't leak to the next user of a pooled connection."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [milliseconds])
        yield


@contextmanager
def _bounded_sqlite(milliseconds: int) -> Iterator[None]:
    """No transaction: with us it would take the lock of writers."""
    connection.ensure_connection()
    deadline = monotonic() + milliseconds / 1000
    connection.connection.set_progress_handler(lambda: monotonic() > deadline, _STEPS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)
