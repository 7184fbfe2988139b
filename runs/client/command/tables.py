"""The API's objects as tables on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from rich.table import Table
from rich.text import Text

from runs.client import nouns
from runs.client.command.asked import Asked, as_builtins
from runs.client.objects import Account, Entry, Job, Record, Run, RunWithJob
from runs.terminal import EntryLine, RunLine, entries_table, facts_table, plain_table, runs_table, status_text
from runs.words import counts_in_words, error_in_words, harmless

MOST_OF_A_RECORD = 500  # characters
ASKED_AT_ONCE = 100  # ids, which stand in the address
_WHOLE: dict[str, Any] = {"no_wrap": True}
_CUT: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis", "ratio": 1}
_REST: dict[str, Any] = {**_CUT, "ratio": 2}


def fields_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = as_builtins(run)
    return found


def state(run: Run) -> str:
    """What a person calls it: one that was asked to stop is stopping, one that its source holds up is waiting."""
    if run.has_ended:
        return run.status
    if run.stop_requested_at is not None:
        return "stopping"
    return "waiting" if waits_for(run) else run.status


def waits_for(run: Run) -> float:
    """For how many seconds its source still wants to be left alone; 0 if it does not."""
    until = run.rate_limited_until
    return 0.0 if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())


def elapsed(run: Run) -> float | None:
    """Seconds from its start to its end, or to now; None before."""
    if run.started_at is None:
        return None
    return max(0.0, ((run.finished_at or datetime.now(UTC)) - run.started_at).total_seconds())


def runs(asked: Asked, found: Iterable[Run]) -> Table:
    found = list(found)
    account_names = _names(asked.deck.accounts, (run.integrated_account_id for run in found), "tenant_id")
    job_names = _names(asked.deck.jobs, (run.sync_job_id for run in found), "label")
    lines = (
        RunLine(
            id=str(run.id),
            status=state(run),
            account=account_names[run.integrated_account_id],
            job=job_names[run.sync_job_id],
            created_at=run.created_at,
            seconds=elapsed(run),
            fetched=run.fetched,
            persisted=run.persisted,
            error=run.error.message if run.error else "",
        )
        for run in found
    )
    return runs_table(lines, asked.console.width)


def jobs(asked: Asked, found: Iterable[Job]) -> Table:
    table = plain_table(asked.console.width, job=_WHOLE, integration=_CUT, label=_REST)
    for job in found:
        table.add_row(str(job.id), Text(harmless(job.integration_name)), Text(harmless(job.label)))
    return table


def accounts(asked: Asked, found: Iterable[Account]) -> Table:
    table = plain_table(asked.console.width, account=_WHOLE, status=_WHOLE, integration=_CUT, tenant=_REST)
    for account in found:
        words = (account.status, account.integration_name, account.tenant_id)
        table.add_row(str(account.id), *(Text(harmless(word)) for word in words))
    return table


def records(asked: Asked, found: Iterable[Record]) -> Table:
    table = plain_table(asked.console.width, updated=_WHOLE, resource=_CUT, id=_CUT, data=_REST)
    for record in found:
        data = json.dumps(record.data, ensure_ascii=False)[:MOST_OF_A_RECORD]
        words = (f"{record.updated_at:%Y-%m-%d %H:%M:%S}", record.resource, record.record_id, data)
        table.add_row(*(Text(harmless(word)) for word in words))
    return table


def facts(asked: Asked, run: RunWithJob) -> Table:
    took, account_id = elapsed(run), run.integrated_account_id
    counts = counts_in_words(run.fetched, run.persisted, run.error_count)
    told: dict[str, Text | str] = {
        "run": str(run.id),
        "status": status_text(state(run)),
        "account": _names(asked.deck.accounts, [account_id], "tenant_id")[account_id],
        "job": f"{run.sync_job.label or run.sync_job.id} ({run.sync_job.integration_name})",
        "trigger": f"{run.trigger}{f' by {run.created_by}' if run.created_by else ''}",
        "created": as_builtins(run.created_at),
        "started": as_builtins(run.started_at) or "-",
        "finished": as_builtins(run.finished_at) or "-",
        "took": "-" if took is None else f"{took:,.1f} s",
        "counts": counts,
        "daemon": run.daemon_id or "-",
        "rerun of": str(run.rerun_of_id or "-"),
    }
    first = first_error(asked, run)
    told |= {"first error": first} if first else {"error": run.error.message if run.error else "-"}
    return facts_table(told)


def first_error(asked: Asked, run: Run) -> str:
    """Of the errors that the run went on from, in words; empty without any, and where the run itself has failed."""
    if run.error or not run.error_count:
        return ""
    errors = islice(asked.deck.runs.errors(run.id, page_size=1, order="asc"), 1)
    return next((error_in_words(error.resource, error.message, error.code) for error in errors), "")


def entries(asked: Asked, found: Iterable[Entry]) -> Table:
    lines = (EntryLine(one.name, one.status, one.fetched, one.persisted, one.error_count) for one in found)
    return entries_table(lines, asked.console.width)


def _names(noun: nouns.Listed[Any], ids: Iterable[UUID], field: str) -> dict[UUID, str]:
    """How those with these ids are called. One that has no name, or has been deleted, goes by its id."""
    wanted = list(dict.fromkeys(ids))
    found: dict[UUID, str] = {id: str(id) for id in wanted}
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        some: dict[str, Any] = {"id__in": wanted[start : start + ASKED_AT_ONCE]}
        found |= {one.id: getattr(one, field) or str(one.id) for one in noun.list(page_size=ASKED_AT_ONCE, **some)}
    return found
