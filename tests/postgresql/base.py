"""PostgreSQL for the suite: as Django's own, but quick to empty after a test that has committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base, operations


class DatabaseOperations(operations.DatabaseOperations):
    """TRUNCATE gives each table and index a new file, however few rows there are: hundreds of files after a test."""

    def sql_flush(self, style: Any, tables: Sequence[str], **options: bool) -> list[str]:
        """In any order: foreign keys are checked at the commit, when all are empty."""
        if options.get("reset_sequences"):
            return super().sql_flush(style, tables, **options)
        return [f"DELETE FROM {self.quote_name(table)}" for table in tables]


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
