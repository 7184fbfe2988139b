"""`manage.py doctor`."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from dashboard.health_checks import Check, looked
from dashboard.host_checks import HOST_LOOKS
from dashboard.key_checks import KEY_LOOKS
from dashboard.marks import Kind
from runs.models import AlertChannel, CronTrigger, SyncJobRun
from runs.wire import known_time
from tests import factories
from tests.dashboard import states
from tests.mailbox import mailbox
from tests.processes import Processes

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
LOOKS = {**HOST_LOOKS, **KEY_LOOKS}


def of(name: str) -> list[Check]:
    return looked({name: LOOKS[name]})


def kinds(name: str) -> list[Kind]:
    return [check.mark.kind for check in of(name)]


def told() -> tuple[int, dict[str, Any]]:
    """The exit status, and what a program reads."""
    output = StringIO()
    try:
        call_command("doctor", "--json", stdout=output)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(output.getvalue())
    return 0, json.loads(output.getvalue())


def levels(answer: dict[str, Any]) -> dict[str, str]:
    return {line["name"]: line["level"] for line in answer["checks"]}


@pytest.fixture
def well(settings: Any, tmp_path: Path) -> None:
    """An installation in which nothing fails."""
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    factories.environment()
    states.daemon(metadata={"swept_at": known_time(timezone.now())})


@pytest.mark.django_db
class TestTheWhole:
    def test_no_failure_is_exit_status_0(self, well: None) -> None:
        status, answer = told()
        assert (status, [line for line in answer["checks"] if line["level"] == "failure"]) == (0, [])
        assert {"Database", "Tables", "Broker", "Daemons", "Queue", "Scheduler", "Clocks"} <= levels(answer).keys()
        assert LOOKS.keys() - {"Key files"} <= levels(answer).keys()

    def test_a_failure_is_exit_status_1_with_what_to_do(self, well: None) -> None:
        trigger = factories.trigger()
        CronTrigger.objects.filter(pk=trigger.pk).update(next_run_at=timezone.now() - timedelta(minutes=7))

        status, answer = told()

        assert (status, answer["level"], levels(answer)["Scheduler"]) == (1, "failure", "failure")
        assert "celery -A dashboard beat" in str(answer)

    def test_runs_that_no_daemon_serves_are_told(self, well: None, run: SyncJobRun) -> None:
        states.change(run, daemon_group_key="eu-west")
        status, answer = told()
        assert (status, "--group eu-west" in str(answer)) == (1, True)

    def test_people_read_lines_and_counts(self, well: None) -> None:
        output = StringIO()
        call_command("doctor", stdout=output)
        assert "ok       Secret key" in output.getvalue()
        assert output.getvalue().strip().splitlines()[-1].endswith("failure: 0")

    def test_no_secret_is_told(self, well: None, run: SyncJobRun, settings: Any) -> None:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "post", "m41l-p4ss"
        text = json.dumps(told()[1])
        secrets = [settings.SECRET_KEY, *settings.CREDENTIALS_KEYS, "m41l-p4ss", "t0k3n"]
        assert [secret for secret in secrets if secret in text] == []


def test_without_a_database_the_rest_is_told(tmp_path: Path) -> None:
    away = {"DATABASE_URL": "postgres://nobody:s3cr3t@127.0.0.1:9/nothing", "DATA_DIR": str(tmp_path)}
    done = Processes(tmp_path).run("doctor", "--json", CELERY_BROKER_URL="filesystem://", **away)

    assert done.returncode == 1
    found = levels(json.loads(done.stdout))
    assert (found["Database"], found["Broker"], found["Folders"], found["Secret key"]) == ("failure", "ok", "ok", "ok")
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.django_db
class TestKeys:
    def test_a_short_secret_key(self, settings: Any) -> None:
        settings.SECRET_KEY = "short"
        assert kinds("Secret key") == [Kind.FAILED]

    def test_an_older_key_in_use_is_a_warning(self, settings: Any) -> None:
        settings.CREDENTIALS_KEYS = [OLD]
        factories.webhook()
        settings.CREDENTIALS_KEYS, settings.CREDENTIALS_KEYS_FILE = [NEW, OLD], None
        (check,) = of("Credentials")
        assert (check.mark.kind, "older ones: 1" in check.words) == (Kind.WARNED, True)
        assert "manage.py rotate_keys" in check.advice

    def test_what_no_key_decrypts_is_named(self, settings: Any) -> None:
        settings.CREDENTIALS_KEYS = [OLD]
        hooks = [factories.webhook() for _ in range(6)]
        settings.CREDENTIALS_KEYS, settings.CREDENTIALS_KEYS_FILE = [NEW], None
        (check,) = of("Credentials")
        assert check.mark.kind == Kind.FAILED
        assert f"No key decrypts 6: webhook, secret, {hooks[0].pk};" in check.words
        assert check.words.endswith("; ….")

    def test_a_generated_key_beside_a_server_database_is_a_warning(self, settings: Any, tmp_path: Path) -> None:
        settings.CREDENTIALS_KEYS_FILE = tmp_path / "credentials_key"
        expected = [] if connection.vendor == "sqlite" else [Kind.WARNED]
        assert kinds("Credentials") == [Kind.COMPLETED, *expected]

    def test_a_file_that_others_may_read(self, settings: Any, tmp_path: Path) -> None:
        settings.DATA_DIR = tmp_path
        file = tmp_path / "credentials_key"
        file.write_text(OLD)
        file.chmod(0o644)
        assert kinds("Key files") == [Kind.FAILED]
        file.chmod(0o600)
        assert kinds("Key files") == []


class TestFolders:
    def test_those_of_the_embedded_broker_are_looked_at(self, settings: Any, tmp_path: Path) -> None:
        settings.EMBEDDED_BROKER, settings.BROKER_DIR = True, tmp_path / "gone"
        (check,) = of("Folders")
        assert (check.mark.kind, str(tmp_path / "gone" / "control") in check.words) == (Kind.FAILED, True)
        settings.EMBEDDED_BROKER = False
        assert kinds("Folders") == [Kind.COMPLETED]

    def test_static_files_that_were_not_collected(self, settings: Any, tmp_path: Path) -> None:
        settings.STATIC_ROOT = tmp_path
        assert kinds("Static files") == [Kind.WARNED]
        (tmp_path / "staticfiles.json").touch()
        assert kinds("Static files") == [Kind.COMPLETED]


@pytest.mark.parametrize(
    ("url", "hosts", "over", "found"),
    [
        ("https://sync.example.com", ["sync.example.com"], {"BEHIND_PROXY": True}, [Kind.COMPLETED]),
        ("http://127.0.0.1:8000", ["127.0.0.1"], {}, [Kind.COMPLETED]),
        ("http://[::1]:8000", ["[::1]"], {}, [Kind.COMPLETED]),
        ("https://sync.example.com", ["sync.example.com"], {}, [Kind.WARNED]),
        ("http://sync.example.com", ["sync.example.com"], {}, [Kind.WARNED]),
        ("https://sync.example.com", ["other.example.com"], {"BEHIND_PROXY": True}, [Kind.FAILED]),
        ("http://127.0.0.1", ["*"], {}, [Kind.WARNED]),
        ("http://127.0.0.1", ["127.0.0.1"], {"DEBUG": True}, [Kind.WARNED]),
        ("sync.example.com", ["*"], {}, [Kind.FAILED, Kind.WARNED]),
    ],
)
def test_the_address(settings: Any, url: str, hosts: list[str], over: dict[str, Any], found: list[Kind]) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = url, hosts
    for name, value in {"BEHIND_PROXY": False, "DEBUG": False, **over}.items():
        setattr(settings, name, value)
    assert kinds("Address") == found


@pytest.mark.django_db
class TestMail:
    def test_none_is_well_until_an_alert_wants_it(self) -> None:
        assert kinds("Mail") == [Kind.COMPLETED]
        factories.alert_rule(channel=AlertChannel.MAIL, target="olga@example.com")
        assert kinds("Mail") == [Kind.FAILED]

    def test_a_server_that_answers(self, settings: Any) -> None:
        with mailbox() as server:
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
            assert kinds("Mail") == [Kind.COMPLETED]

    def test_a_server_that_does_not(self, settings: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", closed.getsockname()[1]
        (check,) = of("Mail")
        assert (check.mark.kind, "ConnectionRefusedError" in check.words) == (Kind.FAILED, True)


@pytest.mark.django_db(transaction=True)
class TestTheDatabasesSettings:
    @pytest.fixture
    def without_one(self) -> Iterator[None]:
        """A connection from which something has dropped what we set."""
        is_sqlite = connection.vendor == "sqlite"
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA foreign_keys = OFF" if is_sqlite else "SET lock_timeout = 0")
            yield
            cursor.execute("PRAGMA foreign_keys = ON" if is_sqlite else "RESET lock_timeout")

    def test_as_they_are_set(self) -> None:
        (check,) = of("Database settings")
        assert check.is_good or "fsync" in check.words

    def test_what_was_dropped_on_the_way(self, without_one: None) -> None:
        (check,) = of("Database settings")
        assert not check.is_good
        assert "foreign keys: off" in check.words or "0 is no limit" in check.words
