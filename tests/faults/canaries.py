"""Looking for planted secrets wherever an installation tells of itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing

import httpx2
import psycopg
from psycopg import sql

from tests.faults.ledgers import ARGUMENT, CANARIES
from tests.faults.stage import Stage

# Where a run's arguments are kept, to be sent and to be shown: they are what whoever made the run gave it.
HOLDS_ARGUMENTS = {"runs_syncjobrun": "args", "runs_bulkaction": "", "runs_idempotencykey": "response"}
PAGES = ("/", "/runs/", "/errors/", "/accounts/", "/integrations/", "/daemons/", "/records/", "/webhooks/", "/audit/")
ADMIN = ("syncjobrun", "recorderror", "integratedaccount", "integration", "webhook", "errorgroup")
LISTS = ("/sync-job-run", "/sync-job", "/integration", "/integrated-account", "/webhook", "/daemon", "/record")


def seen(stage: Stage, run_ids: Collection[str]) -> Iterator[str]:
    """Where a secret can be seen. Nothing else of the place is told."""
    for place, text in _texts(stage, list(run_ids)[-2:]):
        for name, secret in {**CANARIES, "argument": ARGUMENT}.items():
            if secret in text:
                yield f"the secret {name} is in {place}"


def _texts(stage: Stage, run_ids: list[str]) -> Iterator[tuple[str, str]]:
    for log in sorted(stage.deck.data_dir.glob("*.log")):
        yield f"the log {log.name}", log.read_text(errors="replace")
    yield from _tables(stage)
    yield from _answers(stage.deck.api, (*LISTS, *(f"/sync-job-run/{run}/error" for run in run_ids)))
    with stage.browser() as browser:
        pages = (*PAGES, *(f"/admin/runs/{model}/" for model in ADMIN), f"/accounts/{stage.deck.account_id}/")
        yield from _answers(browser, (*pages, "/metrics"))
        for run in run_ids:
            told = ("", "log/", "log.txt", "log.jsonl", "incident.md", "incident.json", "matrix/")
            yield from _answers(browser, tuple(f"/runs/{run}/{part}" for part in told))


def _answers(client: httpx2.Client, paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for path in paths:
        answer = client.get(path)
        assert answer.status_code < 500, f"{path} answers {answer.status_code}"
        text = answer.text.replace(f'"password":"{ARGUMENT}"', "").replace(f'"password": "{ARGUMENT}"', "")
        yield f"the answer of {path}", text if path in LISTS else answer.text


def _tables(stage: Stage) -> Iterator[tuple[str, str]]:
    """Every row of every table as text, less the arguments of runs, which are kept where they belong."""
    if stage.is_on_servers:
        yield from _server_tables(stage.deck.database_url)
        return
    with closing(sqlite3.connect(stage.deck.database_url.removeprefix("sqlite:///"))) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = database.execute(f'SELECT * FROM "{table}"')
            kept = [at for at, column in enumerate(cursor.description) if column[0] != HOLDS_ARGUMENTS.get(table)]
            yield f"the table {table}", "\n".join(str([row[at] for at in kept]) for row in cursor)


def _server_tables(url: str) -> Iterator[tuple[str, str]]:
    with psycopg.connect(url) as server:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for (table,) in server.execute(named).fetchall():
            row = sql.SQL("SELECT (to_jsonb(t) - {})::text FROM {} t").format(
                sql.Literal(HOLDS_ARGUMENTS.get(table, "")), sql.Identifier(table)
            )
            yield f"the table {table}", "\n".join(text for (text,) in server.execute(row))
