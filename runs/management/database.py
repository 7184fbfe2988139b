"""The tables a command needs, made or demanded before it does its work."""

from __future__ import annotations

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def ensure_tables() -> None:
    """Set up an empty database, and bring the embedded SQLite file up to date.

    A server database with tables of an older version is left alone: other processes of that version may be using
    it, and its operator chooses the moment. Raises CommandError then, and when the database can't be reached.
    """
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise CommandError(f"The database can't be reached: {error}".strip()) from error
    if not plan:
        return
    if connection.vendor != "sqlite" and executor.loader.applied_migrations:
        raise CommandError("The database has tables of an older version: run `python manage.py migrate` first.")
    call_command("migrate", verbosity=0, interactive=False)
