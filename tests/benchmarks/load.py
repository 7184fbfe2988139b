"""The reference load of the dashboard (PostgreSQL): by default a million runs of ten thousand accounts.

Here stand the definitions, the runs and their records; `traces` adds what runs leave behind them.
"""

from __future__ import annotations

from django.db import connection

from runs.models import (
    ApiToken,
    CronTrigger,
    Daemon,
    Environment,
    IntegratedAccount,
    Integration,
    Record,
    RunStep,
    SyncJob,
    SyncJobRun,
    User,
    Webhook,
)
from tests.benchmarks.rows import UUID7, fill, numbered, one_of
from tests.benchmarks.size import CODES, DAEMONS, DAYS, RESOURCES, WEBHOOKS, Size
from tests.benchmarks.traces import leave_traces


def make_load(size: Size) -> None:
    """Fill an empty, migrated database. Takes some minutes for a million runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET session_replication_role = replica; SET statement_timeout = 0"
        )  # no check row by row of what is made to fit
        cursor.execute("SET synchronous_commit = off; SET jit = off")
        cursor.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
    _people(size)
    _definitions(size)
    _runs(size)
    _steps()
    _schedules(size)
    leave_traces(size)
    _records(size)
    with connection.cursor() as cursor:
        cursor.execute("RESET ALL")
        cursor.execute("VACUUM ANALYZE")  # as the server's own vacuum leaves an installation
        cursor.execute("CHECKPOINT")  # else what was loaded is written to disk while pages are measured


def _times() -> dict[str, str]:
    long_ago = "now() - interval '100 days'"
    return {"created_at": long_ago, "updated_at": long_ago}


def _own(size: Size) -> dict[str, str]:
    return {**_times(), "environment_id": numbered("e", f"i % {size.environments}")}


def _people(size: Size) -> None:
    """Environments, those who look into them, and the programs that ask; daemons too."""
    fill(Environment, size.environments, {**_times(), "id": numbered("e", "i"), "name": "'env ' || i"})
    fill(User, 60, {"username": "'person-' || i", "email": "'person-' || i || '@example.com'", "is_staff": "true"})
    member = {"user_id": "i.id", "environment_id": numbered("e", f"i.id % {size.environments}")}
    fill(User.environments.through, 0, member, source=f"{User._meta.db_table} i")
    token = {"id": numbered("6", "i"), "name": "'program ' || i", "prefix": "'sd_' || i", "digest": "md5(i::text)"}
    fill(ApiToken, 20 * size.environments, {**_own(size), **token})
    daemon = {
        "id": numbered("7", "i"),
        "daemon_id": "'daemon-' || i",
        "group_key": "'default'",
        "status": "'active'",
        "last_active_at": "now()",
    }
    fill(Daemon, DAEMONS, {**_times(), **daemon})


def _definitions(size: Size) -> None:
    config = "'{}'::jsonb"
    integration = {"name": "'source-' || i", "label": "'Source ' || i", "config": config}
    fill(Integration, size.environments, {**_own(size), **integration, "id": numbered("f", "i")})
    kin = {**_own(size), "integration_id": numbered("f", f"i % {size.environments}")}
    account = {
        "id": numbered("a", "i"),
        "tenant_id": "'customer-' || i || '.example.com'",
        "status": "CASE WHEN i % 400 = 7 THEN 'needs_reauth' ELSE 'active' END",
    }
    fill(IntegratedAccount, size.accounts, {**kin, **account})
    entries = "[" + ",".join(f'{{"resource": "{name}", "method": "list", "persist": true}}' for name in RESOURCES) + "]"
    job = {"label": "'Job ' || i || ': everything of the source'", "resources": f"'{entries}'::jsonb"}
    fill(SyncJob, size.jobs, {**kin, **job, "id": numbered("b", "i")})
    webhook = {
        "id": numbered("9", "i"),
        "target_url": "'https://hooks.example.com/' || i",
        "is_active": f"i >= {size.environments}",
        "event_types": f"CASE WHEN i >= {2 * size.environments} THEN '[\"test\"]'::jsonb END",
        "disabled_reason": f"CASE WHEN i < {size.environments} THEN 'It has failed for three days.' ELSE '' END",
    }
    fill(Webhook, WEBHOOKS * size.environments, {**_own(size), **webhook})


def _job(size: Size, i: str = "i") -> str:
    """A job of the environment of account `i`: both numbers agree modulo the number of environments."""
    groups = size.jobs // size.environments
    return f"({i} % {size.environments} + {size.environments} * (({i} / {size.environments}) % {groups}))"


def _created(size: Size, i: str) -> str:
    """When run `i` was created: the live ones within the last half hour, the others over the days before."""
    ended = size.runs - size.live
    lately = f"now() - interval '30 minutes' * ({size.runs} - ({i})) / {size.live}.0"
    before = f"now() - interval '30 minutes' - interval '{DAYS} days' * (1 - ({i}) / {ended}.0)"
    return f"(CASE WHEN {i} >= {ended} THEN {lately} ELSE {before} END)"


def _run_id(at: str, i: str) -> str:
    return UUID7.format(at=at, salt="run", i=f"({i})")


def _numbers(size: Size) -> str:
    """The runs' numbers, the newest last, and what several columns go by; `chance` is one of a hundred.

    Each account has its turn once in as many runs as there are accounts.
    """
    chance = "('x' || substr(md5('chance' || i), 1, 6))::bit(24)::int % 100"
    columns = f"""i, i::bigint * 7919 % {size.accounts} AS account,
        {chance} AS chance, i >= {size.runs - size.live} AS live, {_created(size, "i")} AS created,
        {_created(size, f"i + {size.accounts}")} AS next_at, {_created(size, f"i - {size.accounts}")} AS before_at"""
    # Without OFFSET each would be computed again wherever it is named.
    rows = f"SELECT {columns} FROM generate_series(0, {size.runs - 1}) i OFFSET 0"
    ended = "WHEN chance < 4 THEN 'failed' WHEN chance < 6 THEN 'stopped' ELSE 'completed'"
    outcome = f"CASE WHEN live THEN 'running' {ended} END"
    return f"(SELECT *, {outcome} AS status, chance IN (6, 7) AND NOT live AS warned FROM ({rows}) n OFFSET 0) n"


def _runs(size: Size) -> None:
    """Of the ended ones 94 % completed, 2 % of them with a warning; 4 % failed, 2 % were stopped."""
    started, ended = "created + interval '2 seconds'", "created + interval '1 second' * (22 + i % 600)"
    error = f"""jsonb_build_object('code', {one_of(CODES, "i")}, 'resource', {one_of(RESOURCES, "i")},
        'message', 'The source answered 500 to page ' || i % 90 || '.', 'method', 'list', 'status_code', 500)"""
    warning = """[{"code": "fall", "name": "tickets", "count": 12, "usual": 510}]"""
    notable, settled = "(status = 'failed' OR warned)", "(status = 'failed' OR warned) AND i % 10 = 1"
    has_next = f"i < {size.runs - size.live - size.accounts}"
    scheduled, stuck = "i % 6 < 3", "live AND i % 40 = 0"
    run = {
        "id": _run_id("created", "i"),
        "created_at": "created",
        "updated_at": ended,
        "started_at": started,
        "finished_at": f"CASE WHEN NOT live THEN {ended} END",
        "environment_id": numbered("e", f"account % {size.environments}"),
        "sync_job_id": numbered("b", _job(size, "account")),
        "integrated_account_id": numbered("a", "account"),
        "args_hash": "md5('{}')",
        "destination": "'record_store'",
        "daemon_group_key": "'default'",
        "daemon_id": f"'daemon-' || i % {DAEMONS}",
        "trigger": one_of(("schedule", "schedule", "schedule", "api", "dashboard", "rerun"), "i"),
        "created_by": "CASE WHEN i % 6 = 4 THEN 'ops' ELSE '' END",
        "cron_trigger_id": f"CASE WHEN {scheduled} THEN {numbered('c', 'account')} END",
        "scheduled_for": f"CASE WHEN {scheduled} THEN created END",
        "rerun_of_id": f"""CASE WHEN i % 6 = 5 AND i >= {size.accounts}
            THEN {_run_id("before_at", f"i - {size.accounts}")} END""",
        "is_incremental": f"i >= {size.accounts}",
        "status": "status",
        "fetched": "1000 + i % 5000",
        "persisted": "1000 + i % 5000",
        "error_count": "CASE WHEN i % 40 = 3 THEN 2 ELSE 0 END",
        "error": f"CASE WHEN status = 'failed' THEN {error} END",
        "warning": "CASE WHEN warned THEN 'fall' ELSE '' END",
        "warnings": f"CASE WHEN warned THEN '{warning}' ELSE '[]' END::jsonb",
        "usual_limit": "CASE WHEN chance = 8 AND NOT live THEN interval '15 seconds' END",
        # The account's next run has settled it, unless that one is not there yet; a person some of the others.
        "superseded_at": f"CASE WHEN {notable} AND {has_next} THEN next_at END",
        "acknowledged_at": f"CASE WHEN {settled} THEN {ended} END",
        "acknowledged_by": f"CASE WHEN {settled} THEN 'ops' ELSE '' END",
        "stop_requested_at": f"CASE WHEN {stuck} THEN now() - interval '5 minutes' END",
        "stop_requested_by": f"CASE WHEN {stuck} THEN 'ops' ELSE '' END",
        "attempt": "1",
        # Held by nobody else than this load: a live run without a future lease would be taken over.
        "lease_token": "CASE WHEN live THEN gen_random_uuid() END",
        "lease_until": "CASE WHEN live THEN now() + interval '1 day' END",
        "forced": "true",  # accounts may have several live ones here
    }
    fill(SyncJobRun, 0, run, source=_numbers(size))


def _steps() -> None:
    """Eight entries a run `r`, numbered `k`."""
    step = {
        "id": UUID7.format(at="r.created_at", salt="step", i="(r.id::text || k)"),
        "created_at": "r.created_at",
        "updated_at": "r.updated_at",
        "run_id": "r.id",
        "index": "k",
        "name": one_of(RESOURCES, "k"),
        "resource": one_of(RESOURCES, "k"),
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


def _schedules(size: Size) -> None:
    """One for each account, with its last run; of some the slots are refused or late, and some are not armed."""
    active = "i % 50 <> 49"
    schedule = {
        "id": numbered("c", "i"),
        "sync_job_id": numbered("b", _job(size)),
        "integrated_account_id": numbered("a", "i"),
        "cron_expression": "'0 ' || i % 24 || ' * * *'",
        "daemon_group_key": "'default'",
        "is_active": active,
        "next_run_at": f"""CASE WHEN {active}
            THEN date_trunc('day', now()) + interval '1 day' + interval '1 hour' * (i % 24) END""",
        "last_run_id": "r.id",
        "completion_due_at": f"CASE WHEN {active} AND i % 300 = 11 THEN now() - interval '5 hours' END",
        "last_skipped_at": "CASE WHEN i % 500 = 3 THEN now() - interval '1 hour' END",
        "last_skip_code": "CASE WHEN i % 500 = 3 THEN 'refused' ELSE '' END",
        "last_skip_reason": "CASE WHEN i % 500 = 3 THEN 'The account needs new credentials.' ELSE '' END",
    }
    last = f"""SELECT DISTINCT ON (cron_trigger_id) cron_trigger_id, id, scheduled_for
        FROM {SyncJobRun._meta.db_table}
        WHERE scheduled_for IS NOT NULL AND created_at > now() - interval '{DAYS // 4} days'
        ORDER BY cron_trigger_id, created_at DESC"""
    rows = f"generate_series(0, {size.accounts - 1}) i LEFT JOIN ({last}) r ON r.cron_trigger_id = {numbered('c', 'i')}"
    fill(CronTrigger, 0, {**_own(size), **schedule}, source=rows)


def _records(size: Size) -> None:
    stored = "now() - interval '1 second' * (i % 7000000)"
    record = {
        "id": "gen_random_uuid()",
        "integrated_account_id": numbered("a", f"i % {max(1, size.accounts // 10)}"),
        "resource": one_of(RESOURCES, "i"),
        "record_id": "i::text",
        "data": "jsonb_build_object('id', i, 'name', 'Record ' || i, 'email', 'someone' || i || '@example.com')",
        "content_hash": "decode(md5(i::text), 'hex')",
        "first_run_id": "gen_random_uuid()",
        "last_run_id": "gen_random_uuid()",
        "created_at": stored,
        "updated_at": stored,
    }
    fill(Record, size.records, record)
