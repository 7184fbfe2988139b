"""Runs on the command line: found by the API's filters or the beginning of an id, and written as a table or as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from rich.table import Table

from runs.lookups import where
from runs.management.progress import first_error
from runs.models import RunEvent, SyncJobRun
from runs.run_fields import NOT_LISTED, RUN_FIELDS, SHORTEST_ID_PREFIX, id_begins_with
from runs.terminal import EntryLine, RunLine, entries_table, facts_table, runs_table, status_text
from runs.wire import known_time, run_payload

_FILTER = re.compile(r"(?P<name>[\w.]+)(?:\[\w*\])*=", re.ASCII)


def runs_of(environment: str | None) -> QuerySet[SyncJobRun]:
    """All runs, or those of the environment of this name, with what a line of them shows."""
    runs = SyncJobRun.objects.select_related("sync_job", "integrated_account__integration", "environment")
    runs = runs.defer(*NOT_LISTED)
    return runs if environment is None else runs.filter(environment__name=environment)


def matching(runs: QuerySet[SyncJobRun], filters: list[str]) -> QuerySet[SyncJobRun]:
    """Those that pass filters as in the API's query. Raises CommandError for a name that is none: a filter with a slip
    of the pen must not let everything through. Raises InvalidInput for a value that cannot be read."""
    for text in filters:
        match = _FILTER.match(text)
        if match is None or match["name"] not in RUN_FIELDS:
            known = ", ".join(RUN_FIELDS)
            raise CommandError(f"{text} is no filter. A filter is field=value or field[op]=value; the fields: {known}")
    params = QueryDict(mutable=True)
    for text in filters:
        name, _, value = text.partition("=")
        params.appendlist(name, value)
    return runs.filter(where(params, RUN_FIELDS))


def run_named(text: str, environment: str | None = None) -> SyncJobRun:
    """The run whose id is, or begins with, the text. Raises CommandError when there is not exactly one."""
    found = list(runs_of(environment).filter(id_begins_with(text)).order_by("-created_at", "-id")[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"More than one run has an id that begins with {text}: write more of it.")
    hint = (
        "" if len(text) >= SHORTEST_ID_PREFIX else f" (at least {SHORTEST_ID_PREFIX} characters of its id are needed)"
    )
    raise CommandError(f"There is no run {text}{hint}.")


def table_of(runs: Iterable[SyncJobRun], now: datetime, width: int) -> Table:
    return runs_table((_line(run, now) for run in runs), width)


def _line(run: SyncJobRun, now: datetime) -> RunLine:
    elapsed = run.elapsed(now)
    return RunLine(
        id=str(run.pk),
        status=_status(run),
        account=str(run.integrated_account),
        job=str(run.sync_job),
        created_at=run.created_at,
        seconds=None if elapsed is None else elapsed.total_seconds(),
        fetched=run.fetched,
        persisted=run.persisted,
        error=run.error_text(),
    )


def _status(run: SyncJobRun) -> str:
    return "stopping" if run.is_stopping else run.status


def facts_of(run: SyncJobRun) -> Table:
    """What there is to know of one run, a line each."""
    elapsed, first = run.elapsed(timezone.now()), first_error(run)
    return facts_table(
        {
            "run": str(run.pk),
            "status": status_text(_status(run)),
            "environment": str(run.environment),
            "account": f"{run.integrated_account} ({run.integrated_account.integration.name})",
            "job": str(run.sync_job),
            "trigger": f"{run.trigger}{f' by {run.created_by}' if run.created_by else ''}",
            "created": known_time(run.created_at),
            "started": known_time(run.started_at) if run.started_at else "-",
            "finished": known_time(run.finished_at) if run.finished_at else "-",
            "took": "-" if elapsed is None else f"{elapsed.total_seconds():,.1f} s",
            "counts": run.counts,
            "daemon": run.daemon_id or "-",
            "rerun of": str(run.rerun_of_id or "-"),
            **({"first error": first} if first else {"error": run.error_text() or "-"}),
        }
    )


def steps_of(run: SyncJobRun, width: int) -> Table:
    lines = (
        EntryLine(step.name, step.status, step.fetched, step.persisted, step.error_count) for step in run.steps.all()
    )
    return entries_table(lines, width)


def event_json(event: RunEvent) -> dict[str, Any]:
    """As the API shows it."""
    return {
        "id": event.id,
        "sync_job_run_id": event.run_id,
        "kind": event.kind,
        "message": event.message,
        "actor": event.actor or None,
        "created_at": known_time(event.created_at),
    }


def run_json(run: SyncJobRun) -> dict[str, Any]:
    return {**run_payload(run)}
