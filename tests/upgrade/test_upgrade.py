"""Data that an earlier version has left are all there after the upgrade, and what was going on goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.acceptance.deck import FINAL, Deck
from tests.processes import wait_until
from tests.upgrade.conftest import Left
from tests.upgrade.release import FIRST_WORD, PERSON, Release, tables_of, vendor_of
from tests.upgrade.story import STORED, TABLES

# Written by `migrate` itself: what was there has to be there, and more may come.
GROWING = {"django_migrations", "django_content_type", "auth_permission", "auth_group_permissions"}
COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('{}')",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = '{}'",
}
IDS = {"countries": "iso", "cities": "geonameid", "folders": "id"}

Columns = dict[str, list[str]]


def columns_of(deck: Deck) -> Columns:
    statement = COLUMNS[vendor_of(deck.database_url)]
    return {table: [name for (name,) in deck.rows(statement.format(table))] for table in tables_of(deck)}


def contents(deck: Deck, columns: Columns) -> dict[str, list[str]]:
    """All rows of these columns, each as a text, for values of any type can be ordered as such."""
    return {
        table: sorted(map(repr, deck.rows(f"SELECT {', '.join(map(quoted, names))} FROM {table}")))
        for table, names in columns.items()
    }


def quoted(name: str) -> str:
    return f'"{name}"'


def test_each_table_of_the_version_has_rows(on_either: Left) -> None:
    """Else what follows would show little."""
    with on_either.deck() as deck:
        ours = [name for name in tables_of(deck) if name.startswith("runs_") and not name.endswith("_user_permissions")]
        assert [name for name in ours if not deck.rows(f"SELECT 1 FROM {name} LIMIT 1")] == []


def test_migrating_changes_no_value_that_was_there(on_either: Left) -> None:
    with on_either.deck() as deck:
        columns = columns_of(deck)
        before = contents(deck, columns)
        on_either.migrate()
        after = contents(deck, columns)
    for table in columns:
        if table in GROWING:
            assert set(before[table]) <= set(after[table]), table
        else:
            assert after[table] == before[table], table


def test_a_database_on_a_server_waits_for_its_operator(on_postgresql: Left) -> None:
    refused = on_postgresql.processes.run("create_token", "--environment", "Acceptance")
    assert refused.returncode == 1
    assert "run `python manage.py migrate` first" in refused.stderr


def test_all_that_is_encrypted_can_be_read(on_either: Left) -> None:
    on_either.migrate()
    told = json.loads(on_either.processes.run("doctor", "--json").stdout)
    about = [(check["level"], check["words"]) for check in told["checks"] if check["name"] == "Credentials"]
    assert [level for level, _ in about] == ["ok"] * len(about), about
    assert about[0][1].endswith("under older ones: 0.")


@pytest.fixture(params=["SQLite, migrated", "SQLite, by up", "PostgreSQL"])
def upgraded(request: pytest.FixtureRequest, release: Release) -> Iterator[tuple[Left, Deck]]:
    """At work, by the way that is in the fixture's name."""
    vendor, _, way = request.param.partition(", ")
    found: Left = request.getfixturevalue({"SQLite": "on_sqlite", "PostgreSQL": "on_postgresql"}[vendor])
    if way != "by up":
        found.migrate()
    with found.brought_up() if way == "by up" else found.at_work() as deck:
        yield found, deck


def test_what_was_going_on_goes_on(upgraded: tuple[Left, Deck]) -> None:
    before, deck = upgraded
    facts = before.facts

    ended = {name: run for name, run in facts.runs.items() if run["status"] in FINAL}
    for name, told in ended.items():
        now = deck.run(told["id"])
        assert {key: now[key] for key in told} == told, name

    lives = {name: deck.ended(run["id"]) for name, run in facts.runs.items() if name not in ended}
    assert lives.keys() == {"parked", "halfway", "created"}
    assert {(run["status"], str(run["error"])) for run in lives.values()} == {("completed", "None")}
    was, now = facts.runs["halfway"], lives["halfway"]
    assert (
        was["resource_stats"]
        != now["resource_stats"]
        == {name: {"list": {"fetched": count, "persisted": count}} for name, count in STORED.items()}
    )
    assert (now["attempt"], now["daemon_id"] == was["daemon_id"]) == (2, False)
    assert lives["parked"]["attempt"] == 1
    for account in (facts.accounts["halfway"], facts.accounts["parked"]):
        assert stored(deck, account) == in_the_source()
    assert {request.headers["Authorization"] for request in before.source.served} == {"Bearer t0k3n"}

    wait_until(lambda: told_of(before, facts.delivery_id), 30, "the delivery that was left")
    fired = wait_until(lambda: last_run(deck, facts.trigger_id), 30, "a run of the schedule")
    assert deck.ended(fired)["status"] == "completed"
    log_in(deck)


def stored(deck: Deck, account_id: str) -> dict[str, dict[str, Any]]:
    found = deck.get(f"/record?integrated_account_id={account_id}&limit=1000")["result"]
    return {name: {row["record_id"]: row["data"] for row in found if row["resource"] == name} for name in TABLES}


def in_the_source() -> dict[str, dict[str, Any]]:
    return {name: {str(row[IDS[name]]): row for row in rows} for name, rows in TABLES.items()}


def told_of(before: Left, delivery_id: str) -> bool:
    return UUID(delivery_id) in [UUID(one.id) for one in before.receiver.accepted()]


def last_run(deck: Deck, trigger_id: str) -> str | None:
    found: str | None = deck.get(f"/sync-job-cron-trigger/{trigger_id}")["last_run_id"]
    return found


def log_in(deck: Deck) -> None:
    """With the word that the person had before."""
    with httpx2.Client(base_url=deck.api.base_url, follow_redirects=True, timeout=20) as browser:
        browser.get("/login/")
        fields = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "username": PERSON, "password": FIRST_WORD}
        assert browser.post("/login/", data=fields).url.path == "/"
