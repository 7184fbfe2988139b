"""What probes are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from runs.models import Daemon

pytestmark = pytest.mark.django_db


def test_healthz_answers_without_a_login(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readyz_answers_200_when_all_is_there(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "database": "ok",
        "broker": "ok",
        "daemon_heartbeat_age_seconds": None,
    }


def test_readyz_tells_the_age_of_the_newest_heartbeat(client: Client) -> None:
    for seconds in (3, 600):
        heard = timezone.now() - timedelta(seconds=seconds)
        Daemon.objects.create(daemon_id=f"daemon {seconds}", group_key="default", last_active_at=heard)

    assert 3 <= client.get("/readyz").json()["daemon_heartbeat_age_seconds"] < 30


def test_readyz_answers_503_while_a_migration_is_missing(client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert answer.json()["database"] == "migrations are missing"


def test_readyz_answers_503_when_the_broker_is_gone(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.EMBEDDED_BROKER, settings.DATA_DIR = True, tmp_path / "gone"

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["broker"]) == (503, "unreachable")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert "no-store" in client.get(path).headers["Cache-Control"]
