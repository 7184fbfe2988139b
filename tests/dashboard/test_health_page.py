"""The page Health: one line for each thing, and what to do when it is not well."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from dashboard.health_checks import Check, health_checks
from runs.models import CronTrigger, Daemon, SyncJobRun
from runs.wire import known_time
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def looked_at_anew() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def line(name: str) -> Check:
    return next(check for check in health_checks() if check.name == name)


def test_every_line_is_well_in_an_installation_that_is(environment: object) -> None:
    now = timezone.now()
    states.daemon(metadata={"swept_at": known_time(now)})

    checks = health_checks()

    assert [check for check in checks if not check.is_good and check.name != "Disk"] == []
    assert {"Database", "Tables", "Clocks", "Broker", "Queue", "Scheduler", "Versions"} <= {c.name for c in checks}


def test_a_missing_migration_says_how_to_apply_it(environment: object) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")

    assert "manage.py migrate" in line("Tables").advice


def test_without_a_daemon_it_says_how_to_start_one(environment: object) -> None:
    assert "manage.py up" in line("Daemons").advice
    assert not line("Sweep").is_good


def test_runs_of_a_group_without_a_daemon_are_told(run: SyncJobRun) -> None:
    states.daemon()
    states.change(run, daemon_group_key="eu-west", created_at=timezone.now() - timedelta(minutes=9))

    assert "--group eu-west" in line("Daemons").advice
    assert "1 in eu-west; the longest for 9m 0s" in line("Queue").words
    assert not line("Queue").is_good


def test_a_slot_that_nobody_fires_tells_for_how_long(environment: object) -> None:
    trigger = factories.trigger()
    CronTrigger.objects.filter(pk=trigger.pk).update(next_run_at=timezone.now() - timedelta(minutes=7))

    assert "the oldest for 7m" in line("Scheduler").words
    assert "celery -A dashboard beat" in line("Scheduler").advice


def test_an_old_sweep_is_told(environment: object) -> None:
    states.daemon(metadata={"swept_at": known_time(timezone.now() - timedelta(minutes=30))})

    assert "30m 0s ago" in line("Sweep").words
    assert not line("Sweep").is_good


def test_daemons_of_another_version_are_told(environment: object) -> None:
    states.daemon(metadata={"version": "0.0.9"})

    assert "daemons of 0.0.9" in line("Versions").words


def test_an_embedded_broker_whose_folder_is_gone_fails_alone(
    viewer: Client, settings: Any, tmp_path: Path, environment: object
) -> None:
    settings.EMBEDDED_BROKER, settings.DATA_DIR = True, tmp_path / "gone"

    assert not line("Broker").is_good
    assert line("Database").is_good
    assert viewer.get("/health/").status_code == 200


def test_a_broker_that_never_answers_does_not_hold_the_page_up(viewer: Client, silent_broker: None) -> None:
    begun = time.monotonic()

    answer = viewer.get("/health/")

    assert time.monotonic() - begun < 2
    assert "no answer within a second" in answer.content.decode()
    assert line("Database").is_good


def test_readyz_answers_json_while_the_broker_is_silent(client: Client, silent_broker: None) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["broker"]) == (503, "unreachable")


@pytest.fixture
def silent_broker(settings: Any, environment: object) -> Iterator[None]:
    """A Redis that takes connections and says nothing."""
    from dashboard.celery import app

    kept = app.conf.broker_write_url, app.conf.broker_transport, app.conf.broker_transport_options
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMBEDDED_BROKER = False
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        app.conf.update(broker_write_url=settings.CELERY_BROKER_URL, broker_transport=None, broker_transport_options={})
        try:
            yield
        finally:
            names = ("broker_write_url", "broker_transport", "broker_transport_options")
            app.conf.update(dict(zip(names, kept, strict=True)))


def test_the_page_is_for_all_staff_and_names_no_customer(viewer: Client, run: SyncJobRun) -> None:
    page = viewer.get("/health/").content.decode()
    assert "acme" not in page
    assert "No run waits" not in page


def test_it_is_polled_every_fifteen_seconds_and_answers_the_lines_alone(viewer: Client, environment: object) -> None:
    assert 'hx-trigger="every 15s, wake"' in viewer.get("/health/").content.decode()
    part = viewer.get("/health/live/", headers=HTMX).content.decode()
    assert 'id="checks" hx-swap-oob="true"' in part
    assert "<html" not in part
    assert viewer.get("/health/live/").headers["Location"] == "/health/"


def test_one_look_serves_all_who_ask_at_once(environment: object, django_assert_num_queries: Any) -> None:
    health_checks()
    with django_assert_num_queries(0):
        health_checks()


def test_a_database_that_goes_away_between_two_questions_is_json_too(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {Daemon._meta.db_table} RENAME TO away")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")


class TestWhatBreaks:
    """An error of ours is told to programs as the API tells errors."""

    @pytest.fixture
    def broken(self, viewer: Client) -> Client:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {SyncJobRun._meta.db_table} RENAME TO away")
        viewer.raise_request_exception = False
        return viewer

    def test_as_json_to_programs(self, broken: Client) -> None:
        answer = broken.get("/runs/", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["statusCode"]) == (500, 500)

    def test_as_a_page_to_people(self, broken: Client) -> None:
        answer = broken.get("/runs/", headers={"Accept": "text/html"})
        assert answer.status_code == 500
        assert "Something broke here" in answer.content.decode()


class TestADatabaseThatIsAway:
    """It is no fault of ours, and trying again may help: both are told."""

    @pytest.fixture
    def cut_off(self, viewer: Client) -> Iterator[Client]:
        viewer.raise_request_exception = False
        with connection.execute_wrapper(_away):
            yield viewer

    @pytest.mark.parametrize("path", ["/runs/", "/sync-job-run"])
    def test_as_json_to_programs(self, cut_off: Client, path: str) -> None:
        answer = cut_off.get(path, headers={"Accept": "application/json", "Authorization": "Bearer of-somebody"})
        assert (answer.status_code, answer.json()["statusCode"], answer["Retry-After"]) == (503, 503, "5")

    def test_as_a_page_to_people(self, cut_off: Client) -> None:
        answer = cut_off.get("/runs/", headers={"Accept": "text/html"})
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "The database is away" in answer.content.decode()


def _away(*_: object) -> None:
    raise OperationalError("server closed the connection unexpectedly")
