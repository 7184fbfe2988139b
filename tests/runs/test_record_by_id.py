"""What the migration does for records of which a time of creation and an id are far from each other."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from runs.models import SyncJobRun
from tests.runs.records import store

pytestmark = pytest.mark.django_db

migration = import_module("runs.migrations.0026_record_by_id")


def test_creation_follows_the_id_where_a_clock_was_set_back(run: SyncJobRun) -> None:
    usual = store(run, "usual", {})
    odd = store(run, "odd", {}, created_at=usual.created_at - timedelta(hours=1))

    migration.let_creation_follow_ids(apps, SimpleNamespace(connection=connection))

    before = usual.created_at
    usual.refresh_from_db()
    odd.refresh_from_db()
    assert usual.created_at == before
    assert abs(odd.created_at - before) < timedelta(seconds=60)
