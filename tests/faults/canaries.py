"""Looking for planted secrets wherever an installation tells of itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import httpx2
import psycopg
from psycopg import sql

from tests.faults.ledgers import ARGUMENT, CANARIES
from tests.faults.stage import Stage

# Where a run's arguments are kept, to be sent and to be shown: they are what whoever made the run gave it.
HOLDS_ARGUMENTS = {"runs_syncjobrun": "args", "runs_idempotencykey": "response", "runs_delivery": "body"}
Table = tuple[str, list[str], Iterable[Sequence[Any]]]  # its name, its columns, its rows
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
    """Every row of every table as text, less the arguments of runs where they belong."""
    for table, columns, rows in _server_tables(stage) if stage.is_on_servers else _file_tables(stage):
        kept = [HOLDS_ARGUMENTS.get(table) == column for column in columns]
        texts = (_text(value, is_kept=is_kept) for row in rows for value, is_kept in zip(row, kept, strict=True))
        yield f"the table {table}", "\n".join(texts)


def _text(value: Any, *, is_kept: bool) -> str:
    text = bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
    return text.replace(ARGUMENT, "") if is_kept else text


def _file_tables(stage: Stage) -> Iterator[Table]:
    with closing(sqlite3.connect(stage.deck.database_url.removeprefix("sqlite:///"))) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = database.execute(f'SELECT * FROM "{table}"')
            yield table, [column[0] for column in cursor.description], cursor


def _server_tables(stage: Stage) -> Iterator[Table]:
    with psycopg.connect(stage.deck.database_url) as server:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for (table,) in server.execute(named).fetchall():
            cursor = server.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            yield table, [column.name for column in cursor.description or ()], cursor
