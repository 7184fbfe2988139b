"""One process at a time changes the tables of a database; the others wait for it, and then look again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from runs.management.locks import Held, awaited_file
from runs.management.telling import tell_aside

PATIENCE = 120  # seconds
KEY = 0x73796E636465636B  # "syncdeck": PostgreSQL's advisory locks are numbers, of each database its own
LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def setting_up(database: BaseDatabaseWrapper, patience: int = PATIENCE) -> Iterator[None]:
    """Change tables, alone. Raises CommandError when another takes longer than `patience`, in seconds, and when the
    database can't be reached."""
    with ExitStack() as held:
        try:
            held.enter_context(_lock(database, patience))
        except (OSError, DatabaseError) as error:
            raise away(error) from error
        except Held as error:
            raise CommandError(
                f"Another process has been setting up the database for more than {patience} seconds. Try again later."
            ) from error
        yield


def away(error: Exception) -> CommandError:
    return CommandError(f"The database can't be reached: {error}".strip())


@contextmanager
def _lock(database: BaseDatabaseWrapper, patience: int) -> Iterator[None]:
    """Of SQLite beside the file: two that open a new one at once are in each other's way before they could lock."""
    name = str(database.settings_dict["NAME"])
    if database.vendor != "sqlite":
        with _of_server(database, patience):
            yield
    elif ":memory:" in name or "mode=memory" in name:
        yield  # nobody else's
    else:
        with awaited_file(Path(f"{name}.lock"), patience, lambda: _tell(patience)):
            yield


@contextmanager
def _of_server(database: BaseDatabaseWrapper, patience: int) -> Iterator[None]:
    """Held by a transaction on a connection of its own, with which it ends. A session's lock might outlive us, where a
    pooler between us and PostgreSQL keeps the session."""
    own = database.copy()
    try:
        own.set_autocommit(False)
        _await(own, patience)
        yield
    finally:
        own.close()


def _await(own: BaseDatabaseWrapper, patience: int) -> None:
    """Raises Held, and DatabaseError."""
    with own.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{patience}s"])
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [KEY])
        if cursor.fetchone()[0]:
            return
        _tell(patience)
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
                raise Held from error
            raise


def _tell(patience: int) -> None:
    tell_aside(f"Another process is setting up the database: waiting for it, {patience} seconds at most.")
