"""A run with a log that nobody would want to load whole, written by the database itself."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from runs.models import SyncJobRun

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %(count)s)",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, %(count)s))",
}
_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}
_WHEN = {  # SQLite compares texts, and Django writes a whole second without its fraction
    "sqlite": "replace(strftime('%%Y-%%m-%%d %%H:%%M:%%f000', %(start)s, '+' || (i * %(gap)s) || ' seconds'),"
    " '.000000', '')",
    "postgresql": "%(start)s::timestamptz + i * %(gap)s * interval '1 second'",
}
_SAID = {"sqlite": "replace(hex(zeroblob(%(half)s)), '0', 'x')", "postgresql": "repeat('x', 2 * %(half)s)"}


def write_log(run: SyncJobRun, *, events: int, errors: int, length: int = 300, start: datetime | None = None) -> None:
    """So many lines, spread over ten minutes, each with a message of this length that tells its number."""
    step = run.steps.all()[0]
    common = {"start": (start or run.created_at).replace(tzinfo=None), "half": length // 2, "run": _key(run.pk)}
    _insert(
        "runs_runevent (id, run_id, kind, message, actor, created_at)",
        "%(run)s, 'step_started', 'event ' || i || ' ' || {said}, ''",
        {**common, "count": events, "gap": 600 / max(events, 1)},
    )
    _insert(
        "runs_recorderror (id, run_id, step_id, resource, method, record_id, code, message, url, excerpt, fingerprint,"
        " is_told, is_quarantine, updated_at, created_at)",
        "%(run)s, %(step)s, 'cities', 'list', 'r' || i, 'http_error', 'error ' || i || ' ' || {said}, '', '', 'f',"
        " false, false, {when}",
        {**common, "step": _key(step.pk), "count": errors, "gap": 600 / max(errors, 1)},
    )


def _insert(table: str, values: str, given: dict[str, object]) -> None:
    if not given["count"]:
        return
    vendor = connection.vendor
    filled = values.format(said=_SAID[vendor], when=_WHEN[vendor])
    numbers = f"{_NUMBERS[vendor]} SELECT {_ID[vendor]}, {filled}, {_WHEN[vendor]} FROM n"
    if vendor == "sqlite":  # which wants the INSERT first, and times as texts
        given = {**given, "start": f"{given['start']:%Y-%m-%d %H:%M:%S}"}
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} {numbers}", given)
        cursor.execute(f"ANALYZE {table.split()[0]}")  # as the server does by itself after so many rows


def _key(pk: object) -> str:
    return str(pk).replace("-", "") if connection.vendor == "sqlite" else str(pk)
