"""Whether the web process lives, and whether the whole is ready to work. For probes: no login, no secrets.

A probe's answer is JSON, whatever happens: a database that goes away between two checks is a database that is away.
"""

from __future__ import annotations

import structlog
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.broker_state import BrokerDown, ask_broker
from runs.database import DATABASE_FAULTS
from runs.models import Daemon
from runs.models.base import Now

log = structlog.get_logger(__name__)

OK = "ok"
UNREACHABLE = "unreachable"
MIGRATIONS_MISSING = "migrations are missing"


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
    age: float | None = None
    database = database_state()
    if database == OK:
        database, age = _heartbeat_age()
    checks = {"database": database, "broker": broker_state()}
    ready = all(state == OK for state in checks.values())
    body = {"status": "ready" if ready else "not ready", **checks, "daemon_heartbeat_age_seconds": age}
    return JsonResponse(body, status=200 if ready else 503)


def database_state() -> str:
    """`ok`, `unreachable`, or `migrations are missing`."""
    try:
        missing = missing_migrations()
    except DATABASE_FAULTS:
        log.warning("The database did not answer a probe.", exc_info=True)
        return UNREACHABLE
    return MIGRATIONS_MISSING if missing else OK


def missing_migrations() -> int:
    """How many steps of our own tables this database has not made yet."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def broker_state() -> str:
    """`ok` or `unreachable`."""
    try:
        ask_broker()
    except BrokerDown:
        return UNREACHABLE
    return OK


def heartbeat_age() -> float | None:
    """Seconds since any daemon was last heard of; None when there has never been one."""
    times = Daemon.objects.order_by("-last_active_at").values_list(Now(), "last_active_at")
    return next((round((now - newest).total_seconds(), 1) for now, newest in times[:1]), None)


def _heartbeat_age() -> tuple[str, float | None]:
    """The state of the database after the question, and its answer."""
    try:
        return OK, heartbeat_age()
    except DATABASE_FAULTS:
        log.warning("The database did not answer a probe.", exc_info=True)
        return UNREACHABLE, None
