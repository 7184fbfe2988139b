"""What long-lived processes do about a database that is away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

log = structlog.get_logger(__name__)

# A connection that was cut raises the first, each later use of it the second, which is not a DatabaseError.
DATABASE_FAULTS = (DatabaseError, InterfaceError)


@contextmanager
def outages_survived(who: str) -> Iterator[None]:
    """Within it a failing database is logged and left for the next time. `who` stands in the log's line."""
    close_old_connections()
    try:
        yield
    except DATABASE_FAULTS:
        log.exception("The database can't be reached.", who=who)
        connection.close()
