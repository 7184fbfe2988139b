"""What a poll of a run's page asks first: whether the reader may see the run, and whether it has changed.

One row by its key. Whatever a daemon writes of a run it writes under its fence, which renews the row's `updated_at`;
whoever asks it to stop does so too. What the time changes, and what others write beside the run, this does not tell:
daemons that come and go, a late worker, deliveries that the run does not wait for. Whoever goes by it looks at
everything now and then (`dashboard.live.TOLD_FOR`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import Http404

from dashboard.live import version_of
from dashboard.pages.access import visible
from runs.models import SyncJobRun, User

_ANY_RUN, _ANYBODY = UUID(int=0), -1


def pulse(run_id: UUID, reader: User) -> str:
    """Differs once the run has been written to. Raises Http404 outside the reader's environments."""
    text, parameters = _statement(connection.vendor, reader.is_superuser)
    known = {_stored(_ANY_RUN): _stored(run_id), _ANYBODY: reader.pk}
    with connection.cursor() as cursor:
        cursor.execute(text, [known.get(value, value) for value in parameters])
        row = cursor.fetchone()
    if row is None:
        raise Http404("No such run.")
    return version_of(row)


def pulse_of_all(run_ids: Iterable[UUID], reader: User) -> str:
    """Differs once one of these runs has been written to, of those within the reader's environments."""
    rows = visible(SyncJobRun.objects.filter(pk__in=run_ids), reader)
    return version_of(*rows.order_by("pk").values_list("pk", "updated_at"))


@cache
def _statement(vendor: str, sees_all: bool) -> tuple[str, tuple[Any, ...]]:
    """The SQL and its parameters, with `_ANY_RUN` and `_ANYBODY` where the run's id and the reader's go.

    Written by Django once for all polls: that takes it several times as long as the database takes to answer.
    """
    reader = User(pk=_ANYBODY, is_superuser=sees_all)
    runs = visible(SyncJobRun.objects.filter(pk=_ANY_RUN), reader).order_by()
    return runs.values_list("updated_at").query.sql_with_params()


def _stored(run_id: UUID) -> Any:
    return SyncJobRun._meta.pk.get_db_prep_value(run_id, connection)
