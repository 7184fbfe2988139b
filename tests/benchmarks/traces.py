"""What the runs of the reference load have left: logs, errors, habits, freshness, deliveries, audit lines."""

from __future__ import annotations

from runs.models import (
    AccountDay,
    AccountFreshness,
    AlertMessage,
    AlertRule,
    AlertState,
    AuditEntry,
    BulkAction,
    BulkItem,
    Delivery,
    ErrorGroup,
    ErrorSighting,
    JobFreshness,
    RecordError,
    RunEvent,
    RunHabit,
    RunStep,
    SyncJob,
    SyncJobRun,
    Webhook,
)
from tests.benchmarks.rows import UUID7, fill, numbered, one_of
from tests.benchmarks.size import CODES, RESOURCES, Size

RUNS = f"{SyncJobRun._meta.db_table} r"
RECENT = "r.created_at > now() - interval '9 days'"
KINDS = len(CODES) * len(RESOURCES)  # of errors, in each environment
LARGE_BULK = 5_000


def leave_traces(size: Size) -> None:
    """Everything that the engine and people write beside a run."""
    _events()
    _error_groups(size)
    _record_errors()
    _habits()
    _freshness()
    _deliveries()
    _alerts(size)
    _audit_lines()
    _bulk_actions(size)


def _events() -> None:
    """The ends of each of the last runs."""
    event = {"id": "gen_random_uuid()", "run_id": "r.id", "actor": "r.daemon_id"}
    for kind, at in (("created", "r.created_at"), ("started", "r.started_at")):
        line = {"kind": f"'{kind}'", "message": f"'The run was {kind}.'", "created_at": at}
        fill(RunEvent, 0, {**event, **line}, source=f"{RUNS} WHERE {RECENT}")
    ended = {"kind": "r.status", "message": "'The run ' || r.status || '.'", "created_at": "r.finished_at"}
    fill(RunEvent, 0, {**event, **ended}, source=f"{RUNS} WHERE {RECENT} AND r.finished_at IS NOT NULL")


# Which of its environment's kinds of error a run has met: the same for a failure's own code and resource.
_MET = f"(('x' || substr(md5(r.id::text), 1, 6))::bit(24)::int % {KINDS})"


def _error_groups(size: Size) -> None:
    """Each kind in each environment; and a sighting for each run that failed or had errors."""
    environment, kind = f"i % {size.environments}", f"i / {size.environments}"
    group = {
        "id": numbered("d", "i"),
        "environment_id": numbered("e", environment),
        "fingerprint": f"md5('kind' || {kind})",
        "code": one_of(CODES, kind),
        "resource": one_of(RESOURCES, f"({kind}) / {len(CODES)}"),
        "method": "'list'",
        "status_code": "500",
        "title": "'The source answered 500 to page ….'",
        "created_at": "now() - interval '90 days'",
    }
    fill(ErrorGroup, KINDS * size.environments, group)
    sighting = {
        "id": UUID7.format(at="r.started_at", salt="sighting", i="r.id"),
        "group_id": "g.id",
        "run_id": "r.id",
        "environment_id": "r.environment_id",
        "integrated_account_id": "r.integrated_account_id",
        "sync_job_id": "r.sync_job_id",
        "count": "greatest(1, r.error_count)",
        "created_at": "r.started_at",
        "last_at": "r.started_at",
    }
    met = f"{RUNS} JOIN {ErrorGroup._meta.db_table} g ON g.environment_id = r.environment_id"
    wrong = "(r.error_count > 0 OR r.status = 'failed')"
    fill(ErrorSighting, 0, sighting, source=f"{met} AND g.fingerprint = md5('kind' || {_MET}) WHERE {wrong}")


def _record_errors() -> None:
    """Two of each of the last runs that had errors."""
    wrong = {
        "id": "gen_random_uuid()",
        "created_at": "r.started_at",
        "updated_at": "r.started_at",
        "run_id": "r.id",
        "step_id": "s.id",
        "resource": "s.resource",
        "method": "'list'",
        "code": "g.code",
        "message": "'The source answered 500 to page 12.'",
        "status_code": "500",
        "fingerprint": "g.fingerprint",
    }
    seen = f"JOIN {ErrorSighting._meta.db_table} e ON e.run_id = r.id"
    group = f"JOIN {ErrorGroup._meta.db_table} g ON g.id = e.group_id"
    step = f'JOIN {RunStep._meta.db_table} s ON s.run_id = r.id AND s."index" IN (2, 5)'
    fill(RecordError, 0, wrong, source=f"{RUNS} {seen} {group} {step} WHERE {RECENT}")


def _habits() -> None:
    """Of each job, account and mode: the last twenty runs that completed."""
    keys = "sync_job_id, integrated_account_id, is_incremental"
    entries = """(SELECT jsonb_object_agg(substr(md5(sync_job_id::text || integrated_account_id::text || k), 1, 12),
        fetched / 8) FROM generate_series(0, 7) k)"""
    sample = f"""jsonb_build_object('seconds', seconds, 'fetched', fetched, 'persisted', persisted,
        'entries', {entries}, 'odd', '[]'::jsonb)"""
    shares = {"median": 0.5, "p10": 0.1, "p90": 0.9, "p95": 0.95}
    percentiles = ", ".join(
        f"percentile_disc({share}) WITHIN GROUP (ORDER BY seconds) AS {name}" for name, share in shares.items()
    )
    last = f"""SELECT {keys}, fetched, persisted, created_at,
            extract(epoch FROM finished_at - started_at)::float8 AS seconds,
            row_number() OVER (PARTITION BY {keys} ORDER BY created_at DESC) AS n
        FROM {RUNS} WHERE status = 'completed'"""
    source = f"""(SELECT {keys}, count(*) AS count, jsonb_agg({sample} ORDER BY created_at) AS samples, {percentiles},
            percentile_disc(0.5) WITHIN GROUP (ORDER BY fetched) AS fetched
        FROM ({last}) o WHERE n <= 20 GROUP BY {keys}) h"""
    habit = {
        "id": "gen_random_uuid()",
        "created_at": "now() - interval '90 days'",
        "updated_at": "now()",
        "sync_job_id": "sync_job_id",
        "integrated_account_id": "integrated_account_id",
        "mode": "CASE WHEN is_incremental THEN 'incremental' ELSE 'full' END",
        "samples": "samples",
        "sample_count": "count",
        **{f"{name}_seconds": name for name in shares},
        "median_fetched": "fetched",
    }
    fill(RunHabit, 0, habit, source=source)


_ENDING = "CASE WHEN status = 'completed' AND (error_count > 0 OR warning <> '') THEN 'warned' ELSE status END"


def _freshness() -> None:
    """How each account stands, by job and in all, and how its runs ended day by day."""
    for model, keys in (
        (AccountFreshness, "integrated_account_id"),
        (JobFreshness, "integrated_account_id, sync_job_id"),
    ):
        last = f"""(SELECT DISTINCT ON ({keys}) {keys}, id, finished_at, {_ENDING} AS ending,
            max(finished_at) FILTER (WHERE status = 'completed') OVER (PARTITION BY {keys}) AS completed_at
            FROM {RUNS} WHERE finished_at IS NOT NULL ORDER BY {keys}, finished_at DESC) l"""
        fresh = {
            "account_id": "integrated_account_id",
            "last_completed_at": "completed_at",
            "last_ended_at": "finished_at",
            "last_ending": "ending",
            "last_run_id": "id",
            **({"sync_job_id": "sync_job_id"} if model is JobFreshness else {}),
        }
        fill(model, 0, fresh, source=last)
    counted = {
        name: f"count(*) FILTER (WHERE ending = '{name}')" for name in ("completed", "warned", "failed", "stopped")
    }
    ended = (
        f"(SELECT integrated_account_id, finished_at, {_ENDING} AS ending FROM {RUNS} WHERE finished_at IS NOT NULL) d"
    )
    day = {"account_id": "integrated_account_id", "day": "(finished_at AT TIME ZONE 'UTC')::date", **counted}
    fill(AccountDay, 0, day, source=f"{ended} GROUP BY 1, 2")


def _deliveries() -> None:
    """The start and the end of each of the last runs, for the webhook of its environment that wants all events."""
    delivery = {
        "created_at": "r.created_at",
        "updated_at": "r.created_at",
        "webhook_id": "w.id",
        "run_id": "r.id",
        "body": """convert_to('{"event": "a run", "payload": "' || repeat(r.id::text, 20) || '"}', 'UTF8')""",
        "attempts": "1",
    }
    told = f"{RUNS} JOIN {Webhook._meta.db_table} w ON w.environment_id = r.environment_id"
    since = f"WHERE w.is_active AND w.event_types IS NULL AND {RECENT} AND r.finished_at IS NOT NULL"
    for number, event in enumerate(("'started'", "r.status")):
        failed = f"({number} = 1 AND r.status = 'failed')"
        fate = {
            "id": UUID7.format(at="r.created_at", salt=f"delivery{number}", i="(r.id::text || w.id)"),
            "event": f"'sync_job_run:' || {event}",
            "sequence": str(number),
            "status": f"CASE WHEN {failed} THEN 'failed' ELSE 'delivered' END",
            "last_status_code": f"CASE WHEN {failed} THEN 502 ELSE 200 END",
            "delivered_at": f"CASE WHEN {failed} THEN NULL ELSE r.created_at END",
        }
        fill(Delivery, 0, {**delivery, **fate}, source=f"{told} {since}")


def _alerts(size: Size) -> None:
    """Ten rules in each environment; the first of each has met every account, and told of the last failures."""
    rule = {"id": numbered("5", "i"), "name": "'rule ' || i", "channel": "'webhook'", "is_active": "i % 10 <> 9"}
    long_ago = "now() - interval '100 days'"
    times = {"created_at": long_ago, "updated_at": long_ago}
    of = numbered("e", f"i % {size.environments}")
    fill(AlertRule, 10 * size.environments, {**times, **rule, "environment_id": of})
    state = {
        "id": "gen_random_uuid()",
        **times,
        "rule_id": "a.id",
        "sync_job_id": "f.sync_job_id",
        "integrated_account_id": "f.account_id",
        "last_run_id": "f.last_run_id",
        "failures": "CASE WHEN f.last_ending = 'failed' THEN 2 ELSE 0 END",
        "failing_since": "CASE WHEN f.last_ending = 'failed' THEN f.last_ended_at END",
        "alerted_since": "CASE WHEN f.last_ending = 'failed' THEN f.last_ended_at END",
    }
    first = f"a.id < {numbered('5', str(size.environments))}"
    rules = f"{AlertRule._meta.db_table} a ON a.environment_id = j.environment_id AND {first}"
    met = f"{JobFreshness._meta.db_table} f JOIN {SyncJob._meta.db_table} j ON j.id = f.sync_job_id JOIN {rules}"
    fill(AlertState, 0, state, source=met)
    message = {
        "id": UUID7.format(at="r.created_at", salt="alert", i="(r.id::text || a.id)"),
        "created_at": "r.finished_at",
        "updated_at": "r.finished_at",
        "rule_id": "a.id",
        "run_id": "r.id",
        "kind": "'first_failure'",
        "content": "'{}'::jsonb",
        "status": "'sent'",
        "attempts": "1",
        "sent_at": "r.finished_at",
    }
    failed = f"{RUNS} JOIN {AlertRule._meta.db_table} a ON a.environment_id = r.environment_id AND {first}"
    fill(AlertMessage, 0, message, source=f"{failed} WHERE {RECENT} AND r.status = 'failed'")


def _audit_lines() -> None:
    """Each stop and rerun by a person, and changes of jobs and accounts now and then."""
    line = {
        "environment_id": "r.environment_id",
        "integrated_account_id": "r.integrated_account_id",
        "actor": "'person-' || (extract(epoch FROM r.created_at)::bigint % 40)",
        "ip": "'192.0.2.7'::inet",
        "created_at": "r.updated_at",
    }
    of_run = {"target_type": "'syncjobrun'", "target_id": "r.id::text", "target_label": "r.id::text"}
    of_job = {"target_type": "'syncjob'", "target_id": "r.sync_job_id::text", "target_label": "'A job'"}
    rare = "('x' || substr(md5(r.id::text), 1, 4))::bit(16)::int % 100 = 0"
    for action, target, condition in (
        ("run.stop", of_run, "r.status = 'stopped'"),
        ("run.rerun", of_run, "r.trigger = 'rerun'"),
        ("job.change", of_job, rare),
    ):
        salted = {"id": UUID7.format(at="r.updated_at", salt=action, i="r.id"), "action": f"'{action}'"}
        fill(AuditEntry, 0, {**line, **target, **salted}, source=f"{RUNS} WHERE {condition}")


def _bulk_actions(size: Size) -> None:
    """A large one, and many of a hundred runs."""
    most = min(LARGE_BULK, size.runs // 4)
    count = f"CASE WHEN i = 0 THEN {most} ELSE {min(100, most)} END"
    at = "now() - interval '1 hour' * (1 + i)"
    action = {
        "id": numbered("8", "i"),
        "created_at": at,
        "updated_at": at,
        "kind": one_of(("rerun", "stop"), "i"),
        "actor": "'ops'",
        "query": "'status=failed'",
        "set_hash": "md5(i::text)",
        "run_count": count,
        "done_count": count,
        "status": "'completed'",
        "started_at": at,
        "finished_at": f"{at} + interval '1 minute'",
    }
    fill(BulkAction, 80, action)
    actions = f"{BulkAction._meta.db_table} a"
    touched = {"bulkaction_id": "a.id", "environment_id": numbered("e", "0")}
    fill(BulkAction.environments.through, 0, touched, source=actions)
    runs = f"(SELECT id FROM {RUNS} ORDER BY created_at DESC LIMIT a.run_count) r"
    item = {
        "id": "gen_random_uuid()",
        "action_id": "a.id",
        "run_id": "r.id",
        "outcome": "'done'",
        "created_at": "a.created_at",
        "decided_at": "a.finished_at",
    }
    fill(BulkItem, 0, item, source=f"{actions} CROSS JOIN LATERAL {runs}")
