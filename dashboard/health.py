"""Whether the web process lives, and whether the whole is ready to work. For probes: no login, no secrets."""

from __future__ import annotations

import os
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError as BrokerUnreachable

from dashboard.celery import app
from runs.models import Daemon

BROKER_PATIENCE = 1.0  # seconds

OK = "ok"
UNREACHABLE = "unreachable"


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"status": OK})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer and the tables are up to date, else 503 with what is amiss.

    The age of the newest daemon's heartbeat is told but not judged: the pages work without a daemon.
    """
    checks = {"database": database_state(), "broker": broker_state()}
    ready = all(state == OK for state in checks.values())
    age = None if checks["database"] != OK else heartbeat_age(timezone.now())
    body = {"status": "ready" if ready else "not ready", **checks, "daemon_heartbeat_age_seconds": age}
    return JsonResponse(body, status=200 if ready else 503)


def database_state() -> str:
    """`ok`, `unreachable`, or `migrations are missing`."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return UNREACHABLE
    return "migrations are missing" if missing else OK


def broker_state() -> str:
    """`ok` or `unreachable`; the embedded broker is reached where its files can be written."""
    if settings.EMBEDDED_BROKER:
        return OK if os.access(settings.DATA_DIR, os.W_OK) else UNREACHABLE
    try:
        with app.connection_for_write(connect_timeout=BROKER_PATIENCE) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_PATIENCE)
    except (BrokerUnreachable, OSError):
        return UNREACHABLE
    return OK


def heartbeat_age(now: datetime) -> float | None:
    """Seconds since any daemon was last heard of; None when there has never been one."""
    newest = Daemon.objects.aggregate(newest=Max("last_active_at"))["newest"]
    return None if newest is None else round((now - newest).total_seconds(), 1)
