"""How a command treats the database that it finds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

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
