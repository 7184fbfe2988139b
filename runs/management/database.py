"""The tables a command needs, made or demanded before it does its work."""

from __future__ import annotations

from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from runs.management.setting_up import away, setting_up


def ensure_tables() -> None:
    """Set up an empty database, and bring the embedded SQLite file up to date; wait where another process is at it.

    A server database with tables of an older version is left alone: other processes of that version may be using
    it, and its operator chooses the moment. Raises CommandError then, and when the database can't be reached.
    """
    if connection.vendor != "sqlite" and not _is_behind(_executor()):
        return
    with setting_up(connection):
        executor = _executor()
        if not _is_behind(executor):
            return
        if connection.vendor != "sqlite" and executor.loader.applied_migrations:
            raise CommandError("The database has tables of an older version: run `python manage.py migrate` first.")
        call_command(Migrate(), verbosity=0, interactive=False)  # Django's own: ours would wait for this very lock


def _executor() -> MigrationExecutor:
    try:
        return MigrationExecutor(connection)
    except DatabaseError as error:
        raise away(error) from error


def _is_behind(executor: MigrationExecutor) -> bool:
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
