"""`manage.py backup`."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from runs.management.sqlite_copy import Damaged, copy_database
from tests import factories
from tests.processes import wait_until

LARGE = 2_000  # rows of a kilobyte: a copy takes long enough for somebody to write meanwhile


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Pairs of rows, of which either both are there or none."""
    file = tmp_path / "a database.sqlite3"
    with closing(sqlite3.connect(file)) as made, made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, text TEXT)")
        made.execute("CREATE TABLE other (id INTEGER PRIMARY KEY REFERENCES one (id))")
        made.executemany("INSERT INTO one VALUES (?, ?)", [(number, "x" * 1_000) for number in range(LARGE)])
        made.execute("INSERT INTO other SELECT id FROM one")
    return file


@pytest.fixture
def written(database: Path) -> Iterator[list[int]]:
    """Somebody adds pairs all the time; their numbers."""
    done, over = list[int](), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=1)) as own:
            while not over.is_set():
                number = LARGE + len(done)
                with own:
                    own.execute("INSERT INTO one VALUES (?, 'y')", [number])
                    own.execute("INSERT INTO other VALUES (?)", [number])
                done.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    yield done
    over.set()
    writer.join()


def await_more(written: list[int]) -> None:
    before = len(written)
    wait_until(lambda: len(written) > before, 10, "a pair")


def counts(file: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(file)) as copy:
        [found] = copy.execute("SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM other)").fetchall()
    return found


def test_a_copy_is_of_one_moment_though_somebody_writes(database: Path, written: list[int], tmp_path: Path) -> None:
    for number in range(5):
        await_more(written)
        copy = tmp_path / f"copy-{number}"
        copy_database(database, copy)
        one, other = counts(copy)
        assert one == other > LARGE


def test_it_is_one_file_for_its_owner_alone(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    size = copy_database(database, folder / "copy")
    assert [file.name for file in folder.iterdir()] == ["copy"]
    assert (folder / "copy").stat().st_size == size
    assert stat.S_IMODE((folder / "copy").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["copy", ".copy.part"])
def test_nothing_is_written_over(database: Path, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("somebody's")
    with pytest.raises(FileExistsError):
        copy_database(database, tmp_path / "copy")
    assert (tmp_path / there).read_text() == "somebody's"


def test_no_damaged_copy_is_kept(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE INDEX by_text ON one (text)")
        made.execute("PRAGMA writable_schema = ON")
        made.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'other')"
            " WHERE name = 'by_text'"
        )
    with pytest.raises((Damaged, sqlite3.DatabaseError)):
        copy_database(database, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / ".copy.part").exists()


@pytest.mark.only_on("sqlite")
@pytest.mark.django_db(transaction=True)
class TestCommand:
    def test_it_copies_the_database_of_the_settings(self, tmp_path: Path) -> None:
        environment, output = factories.environment("Production"), StringIO()
        call_command("backup", "--output", str(tmp_path / "copy"), stdout=output)
        with closing(sqlite3.connect(tmp_path / "copy")) as copy:
            assert copy.execute("SELECT id FROM runs_environment").fetchall() == [(environment.id.hex,)]
        assert output.getvalue().startswith(f"{tmp_path / 'copy'}: ")

    @pytest.mark.parametrize(
        ("there", "words"), [("copy", "copy is there already"), (".copy.part", "was cut short: remove it then")]
    )
    def test_what_is_there_is_named(self, tmp_path: Path, there: str, words: str) -> None:
        (tmp_path / there).touch()
        with pytest.raises(CommandError, match=words):
            call_command("backup", "--output", str(tmp_path / "copy"))

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="can't be written: No such file or directory"):
            call_command("backup", "--output", str(tmp_path / "nowhere" / "copy"))


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db
def test_a_database_on_a_server_is_for_its_own_program(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="pg_dump"):
        call_command("backup", "--output", str(tmp_path / "copy"))
    assert connection.vendor == "postgresql"
    assert list(tmp_path.iterdir()) == []
