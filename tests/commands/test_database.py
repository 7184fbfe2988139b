"""How a command treats the database that it finds."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from runs.management.setting_up import setting_up
from tests import services
from tests.processes import Processes


def create_token(database_url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return manage(database_url, folder, "create_token", "--environment", "Acme")


def manage(database_url: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return Processes(folder).run(*arguments, DATABASE_URL=database_url, DATA_DIR=str(folder))


@pytest.fixture
def server_database() -> Iterator[str]:
    if lacking := services.lacking():
        pytest.skip(f"No answer from {' and '.join(lacking)}")
    with services.own_database(f"syncdeck_commands_{os.getpid()}") as url:
        yield url


def test_an_empty_sqlite_file_is_set_up(tmp_path: Path) -> None:
    done = create_token(f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sd_")


def test_an_empty_server_database_is_set_up(server_database: str, tmp_path: Path) -> None:
    assert create_token(server_database, tmp_path).returncode == 0


def test_a_server_database_of_an_older_version_is_left_alone(server_database: str, tmp_path: Path) -> None:
    assert manage(server_database, tmp_path, "migrate", "contenttypes").returncode == 0

    done = create_token(server_database, tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        "CommandError: The database has tables of an older version: run `python manage.py migrate` first.\n"
    )


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    done = create_token("postgres://nobody@127.0.0.1:9/nothing", tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: The database can't be reached: ")
    assert "Traceback" not in done.stderr


def test_a_data_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = create_token("", tmp_path / "file" / "data")

    assert done.returncode == 1
    assert "can't be written" in done.stderr
    assert "Traceback" not in done.stderr


def at_once(database_url: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Three first starts at the same time: two tokens, and the tables by themselves."""
    token = ("create_token", "--environment", "Acme")
    with ThreadPoolExecutor() as starts:
        return list(starts.map(lambda command: manage(database_url, folder, *command), [token, token, ("migrate",)]))


def all_are_well(done: list[subprocess.CompletedProcess[str]]) -> bool:
    first, second, migrated = done
    tokens = {first.stdout, second.stdout}
    assert [one.returncode for one in done] == [0, 0, 0], "".join(one.stderr for one in done)
    assert "Traceback" not in first.stderr + second.stderr + migrated.stderr
    return len(tokens) == 2 and all(token.startswith("sd_") and token.count("\n") == 1 for token in tokens)


def test_first_starts_at_the_same_time_set_up_a_new_file_once(tmp_path: Path) -> None:
    assert all_are_well(at_once("", tmp_path))


def test_first_starts_at_the_same_time_set_up_a_server_database_once(server_database: str, tmp_path: Path) -> None:
    assert all_are_well(at_once(server_database, tmp_path))


def test_whoever_waits_says_for_what_and_not_for_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = connection.copy()
    file.settings_dict = {**file.settings_dict, "NAME": str(tmp_path / "new.sqlite3")}
    file.vendor = "sqlite"
    with (tmp_path / "new.sqlite3.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="Another process has been setting up"), setting_up(file, 2):
            pass

    assert capsys.readouterr().err.startswith("Another process is setting up the database: waiting for it, 2 seconds")
    with setting_up(file, 0):
        pass


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_a_server_does_so_likewise(capsys: pytest.CaptureFixture[str]) -> None:
    refused = pytest.raises(CommandError, match="Another process has been setting up")
    with setting_up(connection), refused, setting_up(connection, 1):
        pass

    assert capsys.readouterr().err.startswith("Another process is setting up the database: waiting for it, 1 second")
    with setting_up(connection, 1):
        pass
