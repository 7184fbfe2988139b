"""The reference load of the dashboard (PostgreSQL): by default a million runs of ten thousand accounts.

The rows are made inside the database, from numbers: the same size gives the same load. Columns that nothing is said
about here take their model's default, so that a new one needs no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from runs.models import (
    AuditEntry,
    CronTrigger,
    Environment,
    IntegratedAccount,
    Integration,
    Record,
    RecordError,
    RunEvent,
    RunStep,
    SyncJob,
    SyncJobRun,
)

RESOURCES = ("contacts", "companies", "deals", "tickets", "comments", "users", "invoices", "products")
LIVE = 200
DAYS = 90
# A version-7 UUID of the moment {at} and the number {i} (RFC 9562, section 5.7).
UUID7 = """(lpad(to_hex((extract(epoch from {at}) * 1000)::bigint), 12, '0') || '7'
    || substr(md5('{salt}' || {i}), 1, 3) || '8' || substr(md5('{salt}' || {i}), 4, 15))::uuid"""
# A UUID that another table's row can name from its number alone.
NUMBERED = "('{salt}0000-0000-7000-8000-' || lpad(to_hex({i}), 12, '0'))::uuid"


@dataclass(frozen=True)
class Size:
    """How many rows the load has."""

    runs: int = 1_000_000
    accounts: int = 10_000
    jobs: int = 200
    environments: int = 3
    records: int = 1_000_000

    @classmethod
    def of(cls, runs: int) -> Size:
        """A load in the same proportions."""
        return cls(runs, max(20, runs // 100), max(6, min(200, runs // 100)), 3, max(1000, runs))


def make_load(size: Size) -> None:
    """Fill an empty, migrated database. Takes some minutes for a million runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET session_replication_role = replica; SET statement_timeout = 0"
        )  # no check row by row of what is made to fit
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
    _definitions(size)
    _runs(size)
    _steps(size)
    _history(size)
    _records(size)
    with connection.cursor() as cursor:
        cursor.execute("RESET ALL")
        cursor.execute("ANALYZE")


def _definitions(size: Size) -> None:
    long_ago = "now() - interval '100 days'"
    times = {"created_at": long_ago, "updated_at": long_ago}
    environment = _numbered("e", f"i % {size.environments}")
    fill(Environment, size.environments, {**times, "id": _numbered("e", "i"), "name": "'env ' || i"})
    own = {**times, "environment_id": environment}
    integration = {"name": "'source-' || i", "label": "'Source ' || i", "config": "'{}'::jsonb"}
    fill(Integration, size.environments, {**own, **integration, "id": _numbered("f", "i")})
    kin = {**own, "integration_id": _numbered("f", f"i % {size.environments}")}
    tenant = "'customer-' || i || '.example.com'"
    fill(IntegratedAccount, size.accounts, {**kin, "id": _numbered("a", "i"), "tenant_id": tenant})
    entries = "[" + ",".join(f'{{"resource": "{name}", "method": "list", "persist": true}}' for name in RESOURCES) + "]"
    job = {"label": "'Job ' || i || ': everything of the source'", "resources": f"'{entries}'::jsonb"}
    fill(SyncJob, size.jobs, {**kin, **job, "id": _numbered("b", "i")})
    schedule = {
        "id": _numbered("c", "i"),
        "sync_job_id": _numbered("b", _job(size)),
        "integrated_account_id": _numbered("a", "i"),
        "cron_expression": "'0 ' || i % 24 || ' * * *'",
        "daemon_group_key": "'default'",
        "is_active": "true",
        "next_run_at": "date_trunc('day', now()) + interval '1 day' + interval '1 hour' * (i % 24)",
    }
    fill(CronTrigger, size.accounts, {**own, **schedule})


def _job(size: Size, i: str = "i") -> str:
    """A job of the environment of account `i`: both numbers agree modulo the number of environments."""
    groups = size.jobs // size.environments
    return f"({i} % {size.environments} + {size.environments} * (({i} / {size.environments}) % {groups}))"


# Newest last; the last ones are live. Of the ended ones 94 % completed, 4 % failed, 2 % were stopped.
_FAILED = "(i % 50 IN (7, 31))"
_STOPPED = "(i % 50 = 13)"


def _runs(size: Size) -> None:
    account = f"(i::bigint * 7919 % {size.accounts})"
    created = f"now() - interval '{DAYS} days' * (1 - i / {size.runs}.0)"
    live = f"(i >= {size.runs - min(LIVE, size.runs // 5)})"
    took = "interval '1 second' * (20 + i % 600)"
    ended = f"WHEN {_FAILED} THEN 'failed' WHEN {_STOPPED} THEN 'stopped' ELSE 'completed'"
    message = "'The source answered 500 to page ' || i % 90 || '.'"
    error = f"""jsonb_build_object('code', 'request_failed', 'message', {message}, 'resource', 'tickets',
        'method', 'list', 'status_code', 500)"""
    counts = {
        "fetched": "1000 + i % 5000",
        "persisted": "1000 + i % 5000",
        "error_count": "CASE WHEN i % 40 = 3 THEN 2 ELSE 0 END",
    }
    run = {
        **counts,
        "id": UUID7.format(at=f"({created})", salt="run", i="i"),
        "created_at": created,
        "updated_at": f"({created}) + interval '2 seconds' + {took}",
        "started_at": f"({created}) + interval '2 seconds'",
        "finished_at": f"CASE WHEN {live} THEN NULL ELSE ({created}) + interval '2 seconds' + {took} END",
        "environment_id": _numbered("e", f"{account} % {size.environments}"),
        "sync_job_id": _numbered("b", _job(size, account)),
        "integrated_account_id": _numbered("a", account),
        "args_hash": "md5('{}')",
        "destination": "'record_store'",
        "daemon_group_key": "'default'",
        "daemon_id": "'daemon-' || i % 7",
        "trigger": "(ARRAY['schedule', 'schedule', 'schedule', 'api', 'dashboard', 'rerun'])[1 + i % 6]",
        "created_by": "CASE WHEN i % 6 = 4 THEN 'ops' ELSE '' END",
        "status": f"CASE WHEN {live} THEN 'running' {ended} END",
        "error": f"CASE WHEN {_FAILED} AND NOT {live} THEN {error} END",
        "attempt": "1",
        # Held by nobody else than this load: a live run without a future lease would be taken over.
        "lease_token": f"CASE WHEN {live} THEN gen_random_uuid() END",
        "lease_until": f"CASE WHEN {live} THEN now() + interval '1 day' END",
        "forced": "true",  # accounts may have several live ones here
    }
    fill(SyncJobRun, size.runs, run)


def _steps(size: Size) -> None:
    """Eight entries a run `r`, numbered `k`."""
    step = {
        "id": UUID7.format(at="r.created_at", salt="step", i="(r.id::text || k)"),
        "created_at": "r.created_at",
        "updated_at": "r.updated_at",
        "run_id": "r.id",
        "index": "k",
        "name": f"(ARRAY[{', '.join(repr(name) for name in RESOURCES)}])[k + 1]",
        "resource": f"(ARRAY[{', '.join(repr(name) for name in RESOURCES)}])[k + 1]",
        "method": "'list'",
        "status": "CASE r.status WHEN 'running' THEN CASE WHEN k < 4 THEN 'completed' ELSE 'running' END "
        "WHEN 'completed' THEN 'completed' ELSE CASE WHEN k = 3 THEN r.status ELSE 'completed' END END",
        "fetched": "r.fetched / 8",
        "persisted": "r.persisted / 8",
        "incremental_key": "md5(r.sync_job_id::text || r.integrated_account_id::text || k)",
        "watermark": "CASE WHEN r.status = 'completed' THEN r.started_at END",
        "started_at": "r.started_at + (interval '1 second' * k * 2)",
        "finished_at": "r.finished_at",
        "request_total": "1",
        "position": "1",
    }
    source = f"{SyncJobRun._meta.db_table} r CROSS JOIN generate_series(0, 7) k"
    fill(RunStep, 0, step, source=source)


def _history(size: Size) -> None:
    """The two ends of each of the last runs, and two record errors of every fortieth."""
    recent = f"{SyncJobRun._meta.db_table} r"
    since = "WHERE r.created_at > now() - interval '9 days'"
    event = {"id": "gen_random_uuid()", "run_id": "r.id", "actor": "r.daemon_id"}
    for kind, at in (("created", "r.created_at"), ("started", "r.started_at")):
        fill(
            RunEvent,
            0,
            {**event, "kind": f"'{kind}'", "message": f"'The run was {kind}.'", "created_at": at},
            source=f"{recent} {since}",
        )
    ended = {"kind": "r.status", "message": "'The run ' || r.status || '.'", "created_at": "r.finished_at"}
    fill(RunEvent, 0, {**event, **ended}, source=f"{recent} {since} AND r.finished_at IS NOT NULL")
    wrong = {
        "id": "gen_random_uuid()",
        "created_at": "r.started_at",
        "updated_at": "r.started_at",
        "run_id": "r.id",
        "step_id": "s.id",
        "resource": "s.resource",
        "method": "'list'",
        "code": "'request_failed'",
        "message": "'The source answered 502 to a page.'",
        "status_code": "502",
        "fingerprint": "md5(s.resource)",
    }
    steps = f"{recent} JOIN {RunStep._meta.db_table} s ON s.run_id = r.id AND s.index IN (2, 5)"
    fill(RecordError, 0, wrong, source=f"{steps} {since} AND r.error_count > 0")
    audit = {
        "id": UUID7.format(at="(r.finished_at)", salt="audit", i="r.id"),
        "environment_id": "r.environment_id",
        "integrated_account_id": "r.integrated_account_id",
        "actor": "'ops'",
        "action": "'run.stop'",
        "target_type": "'syncjobrun'",
        "target_id": "r.id::text",
        "target_label": "r.id::text",
        "created_at": "r.finished_at",
    }
    fill(AuditEntry, 0, audit, source=f"{recent} WHERE r.status = 'stopped'")


def _records(size: Size) -> None:
    stored = "now() - interval '1 second' * (i % 7000000)"
    record = {
        "id": "gen_random_uuid()",
        "integrated_account_id": _numbered("a", f"i % {max(1, size.accounts // 10)}"),
        "resource": f"(ARRAY[{', '.join(repr(name) for name in RESOURCES)}])[1 + i % 8]",
        "record_id": "i::text",
        "data": "jsonb_build_object('id', i, 'name', 'Record ' || i, 'email', 'someone' || i || '@example.com')",
        "content_hash": "decode(md5(i::text), 'hex')",
        "first_run_id": "gen_random_uuid()",
        "last_run_id": "gen_random_uuid()",
        "created_at": stored,
        "updated_at": stored,
    }
    fill(Record, size.records, record)


def _numbered(salt: str, i: str) -> str:
    return NUMBERED.format(salt=(salt * 4), i=f"({i})::bigint")


def fill(model: type[models.Model], count: int, columns: Mapping[str, str], *, source: str = "") -> None:
    """Insert `count` rows, numbered `i`, or one for each row of `source`; the columns are SQL expressions.

    Columns that are not given take the field's default; required ones without a default must be given.
    """
    rest: dict[str, Any] = {
        field.column: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.local_concrete_fields
        if field.column not in columns
    }
    names = ", ".join(f'"{name}"' for name in [*columns, *rest])
    values = ", ".join([*columns.values(), *("%s" for _ in rest)]).replace("%", "%%").replace("%%s", "%s")
    rows = source or f"generate_series(0, {count - 1}) i"
    with _without_indexes(model), connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {values} FROM {rows}', list(rest.values())
        )


@contextmanager
def _without_indexes(model: type[models.Model]) -> Iterator[None]:
    """The indexes that are no constraints are made after the rows, which is several times faster."""
    find = """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = %s::regclass AND NOT indisunique"""
    with connection.cursor() as cursor:
        cursor.execute(find, [model._meta.db_table])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in indexes:
            cursor.execute(definition)
