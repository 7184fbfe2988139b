"""What each verb does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from rich.table import Table

from runs.client import nouns
from runs.client.command import tables
from runs.client.command.asked import Asked
from runs.client.command.filters import keywords
from runs.client.command.finding import account_named, job_named, run_named
from runs.client.command.tail import followed
from runs.client.lists import MOST_ROWS
from runs.client.objects import Run
from runs.words import event_in_words, stop_in_words

SHOWN_EVENTS = 10

Tabled = Callable[[Asked, Iterable[Any]], Table]


def list_runs(asked: Asked) -> None:
    _list(asked, asked.deck.runs, tables.runs)


def list_jobs(asked: Asked) -> None:
    _list(asked, asked.deck.jobs, tables.jobs)


def list_accounts(asked: Asked) -> None:
    _list(asked, asked.deck.accounts, tables.accounts)


def list_records(asked: Asked) -> None:
    _list(asked, asked.deck.records, tables.records)


def show(asked: Asked) -> None:
    runs = asked.deck.runs
    run = runs.get(run_named(asked.deck, asked.options.run).id)
    entries = list(runs.entries(run.id))
    events = list(islice(runs.events(run.id, page_size=SHOWN_EVENTS), SHOWN_EVENTS))[::-1]
    if asked.as_json:
        return asked.write({**tables.fields_of(run), "entries": entries, "events": events})
    asked.console.print(tables.facts(asked, run))
    asked.say(f"\n{asked.page_of_run(run.id)}\n")
    asked.console.print(tables.entries(asked, entries))
    asked.say("")
    for event in events:
        asked.say(event_in_words(event.created_at, event.kind, event.message))
    return None


def stop(asked: Asked) -> None:
    """All are found before any is stopped."""
    found = [run_named(asked.deck, text) for text in asked.options.runs]
    stopped = [(before, asked.deck.runs.stop(before.id)) for before in found]
    if asked.as_json:
        return asked.write({"result": [after for _, after in stopped]})
    for before, after in stopped:
        asked.say(f"{after.id}: {stop_in_words(had_ended=before.has_ended, status=after.status)}")
    return None


def rerun(asked: Asked) -> int | None:
    run = run_named(asked.deck, asked.options.run)
    return _started(asked, asked.deck.runs.rerun(run.id, ignore_previous_run=asked.options.ignore_previous_run))


def run(asked: Asked) -> int | None:
    job = job_named(asked.deck, asked.options.job)
    account = account_named(asked.deck, asked.options.account, job)
    new = asked.deck.runs.create(
        sync_job_id=job.id,
        integrated_account_id=account.id,
        args=asked.options.run_args or {},
        ignore_previous_run=asked.options.ignore_previous_run,
        force=asked.options.force,
    )
    return _started(asked, new)


def tail(asked: Asked) -> int:
    return followed(asked, run_named(asked.deck, asked.options.run))


VERBS: dict[str, Callable[[Asked], int | None]] = {
    "list": list_runs,
    "jobs": list_jobs,
    "accounts": list_accounts,
    "records": list_records,
    "show": show,
    "stop": stop,
    "rerun": rerun,
    "run": run,
    "tail": tail,
}


def _started(asked: Asked, new: Run) -> int | None:
    if asked.as_json:
        asked.write(new)
    else:
        asked.say(asked.page_of_run(new.id))
    return followed(asked, new) if asked.options.tail else None


def _list(asked: Asked, noun: nouns.Listed[Any], tabled: Tabled) -> None:
    """A page, or all: as a table, as the API's answer, or as an object a line."""
    options = asked.options
    size = MOST_ROWS if options.all else min(options.limit, MOST_ROWS)
    listing = noun.list(page_size=size, **keywords(options.filters, noun.fields))
    if not options.all:
        return _page(asked, listing.page(options.cursor), tabled)
    for page in listing.pages(options.cursor):
        if asked.as_json:
            asked.write_each(page.result)
        elif page.result:
            asked.console.print(tabled(asked, page.result))
    return None


def _page(asked: Asked, page: Any, tabled: Tabled) -> None:
    if asked.as_json:
        return asked.write(page)
    if not page.result:
        return asked.say("Nothing matches." if asked.options.filters else "There is nothing yet.")
    asked.console.print(tabled(asked, page.result))
    if page.next_cursor:
        asked.say(f"\nThere are more: --cursor {page.next_cursor}")
    return None
