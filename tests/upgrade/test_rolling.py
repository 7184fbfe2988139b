"""Migrations leave room for the code of before them: web processes and daemons may be replaced one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.upgrade.release import RELEASES
from tests.upgrade.rolling import stumbling_blocks

APP = "runs"
# Steps that look as if the code of before would stumble over them, and why it does not. Whatever can't be excused takes
# a line in CHANGELOG.md: which processes have to be stopped first.
EXCUSED = {
    "0027_audit_entries_stay": "Its triggers refuse what no version does: to change an entry of the audit list.",
    "0031_failed_entries": "Its rule takes the place of a narrower one: what the code of before writes passes it.",
}


def new_migrations() -> list[str]:
    """Those that the last release does not have."""
    last = RELEASES[-1].facts("sqlite").migrations[APP]
    names = sorted(name for app, name in MigrationLoader(None).disk_migrations if app == APP)
    return [name for name in names if name > last]


def blocks_of(name: str) -> Iterator[str]:
    loader = MigrationLoader(None)
    migration = loader.get_migration(APP, name)
    state = loader.project_state([(APP, name)], at_end=False)
    for operation in migration.operations:
        after = state.clone()
        operation.state_forwards(APP, after)
        yield from stumbling_blocks(operation, APP, state, after)
        state = after


@pytest.mark.parametrize("name", new_migrations())
def test_a_migration_since_the_last_release_leaves_room_for_the_code_of_before(name: str) -> None:
    assert name in EXCUSED or list(blocks_of(name)) == []


def test_whatever_is_excused_is_there_and_needs_it() -> None:
    assert [name for name in EXCUSED if name not in new_migrations() or not list(blocks_of(name))] == []


def state_of(*operations: Operation) -> ProjectState:
    state = ProjectState()
    for operation in operations:
        operation.state_forwards(APP, state)
    return state


def step(field: Any) -> migrations.AlterField:
    return migrations.AlterField("thing", "name", field)


FIELDS = [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=9, null=True))]
THING = migrations.CreateModel("Thing", FIELDS)
BLOCKS = {
    "a table that goes": migrations.DeleteModel("thing"),
    "a column that goes": migrations.RemoveField("thing", "name"),
    "a table's new name": migrations.RenameModel("Thing", "Matter"),
    "a column's new name": migrations.RenameField("thing", "name", "label"),
    "a table in another place": migrations.AlterModelTable("thing", "elsewhere"),
    "a column that inserts must name": migrations.AddField("thing", "text", models.TextField(default="")),
    "a column that may be null no longer": step(models.CharField(max_length=9, default="")),
    "another type": step(models.IntegerField(null=True)),
    "a shorter text": step(models.CharField(max_length=8, null=True)),
    "unique from now on": step(models.CharField(max_length=9, null=True, unique=True)),
    "a rule": migrations.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="once")),
    "code": migrations.RunPython(migrations.RunPython.noop),
    "SQL": migrations.RunSQL("SELECT 1"),
    "hidden in a pair": migrations.SeparateDatabaseAndState([migrations.RunSQL("SELECT 1")]),
}
ROOM = {
    "a new table": migrations.CreateModel("Matter", FIELDS[:1]),
    "a column that may be null": migrations.AddField("thing", "text", models.TextField(null=True)),
    "a column with a default of the database": migrations.AddField("thing", "text", models.TextField(db_default="")),
    "many to many": migrations.AddField("thing", "others", models.ManyToManyField("runs.thing")),
    "an index": migrations.AddIndex("thing", models.Index(fields=["name"], name="by_name")),
    "other words for people": step(models.CharField(max_length=9, null=True, help_text="What it is called.")),
    "a default of the database for a column": step(models.CharField(max_length=9, db_default="")),
}


def blocks(operation: Operation) -> list[str]:
    return list(stumbling_blocks(operation, APP, state_of(THING), state_of(THING, operation)))


@pytest.mark.parametrize("operation", BLOCKS.values(), ids=BLOCKS.keys())
def test_the_guard_finds(operation: Operation) -> None:
    assert len(blocks(operation)) == 1


@pytest.mark.parametrize("operation", ROOM.values(), ids=ROOM.keys())
def test_the_guard_lets_pass(operation: Operation) -> None:
    assert blocks(operation) == []
