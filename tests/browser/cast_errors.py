"""Errors of a month, in groups: one that goes on, one that is over, one that is known, and one with endless texts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from runs.engine.ending import end_run
from runs.engine.outbox import note_errors
from runs.errors import ErrorInfo
from runs.models import ErrorGroup, ErrorSighting, IntegratedAccount, RecordError, RunStatus, SyncJob, SyncJobRun
from runs.services import note_cause
from tests.runs import rows

LIMIT = {"code": "http_429", "status_code": 429, "message": "The source answered 429 Too Many Requests."}
GATEWAY = {
    "code": "http_502",
    "status_code": 502,
    "message": "The source answered 502 Bad Gateway four times within 30 s.",
    "url": "https://api.example.org/cities?country=DE&page=3&api_key=***",
    "excerpt": "<html><h1>502 Bad Gateway</h1><hr>nginx</html>",
}
NO_ID = {"code": "no_id", "message": "A record has no usable id at geonameid.", "excerpt": '{"name": "Nowhere"}'}
ENDLESS = {"code": "mapping_failed", "message": "unbroken" * 40}
CODES = {
    "over": "http_429",
    "goes-on": "http_502",
    "quarantine": "no_id",
    "endless": "mapping_failed",
    "login": "http_401",
}
LOGIN = ErrorInfo("http_401", "The source answered 401 Unauthorized: the token has expired.", "cities", "list", 401)


def groups(job: SyncJob, accounts: list[IntegratedAccount]) -> dict[str, ErrorGroup]:
    """The groups, each by the name of its story."""
    now = timezone.now()
    for hours in range(1, 620, 9):
        account = accounts[hours % len(accounts)]
        at = now - timedelta(hours=hours)
        run = _run(job, account, at, RunStatus.COMPLETED)
        _met(run, GATEWAY, 1 + hours * 37 % 60)
        if hours > 200:
            _met(run, LIMIT, 12 + hours % 40)
        if hours % 4 == 0:
            _met(run, NO_ID, 2)
        _date(run, at)
    for hours in range(2, 30, 7):
        run = _run(job, accounts[0], now - timedelta(hours=hours), RunStatus.RUNNING)
        _fail(run)
        _date(run, now - timedelta(hours=hours))
    run = _run(job, accounts[-1], now - timedelta(minutes=20), RunStatus.COMPLETED)
    _met(run, ENDLESS, 3)
    for account in accounts[:4]:  # the gateway has come back for some of them
        _run(job, account, now - timedelta(minutes=5), RunStatus.COMPLETED)
    found = {name: ErrorGroup.objects.get(code=code) for name, code in CODES.items()}
    note_cause(found["over"], "Their limit is 100 a minute and token. Asked for more on 12 Nov, granted.", actor="olga")
    return found


def _run(job: SyncJob, account: IntegratedAccount, at: datetime, status: RunStatus) -> SyncJobRun:
    of: dict[str, Any] = {"sync_job": job, "integrated_account": account, "status": status}
    run = rows.runs(1, start=at, **of)[0]
    started = {"started_at": at, "finished_at": None if status == RunStatus.RUNNING else at + timedelta(minutes=4)}
    SyncJobRun.objects.filter(pk=run.pk).update(**started)
    run.steps.create(index=0, name="cities", resource="cities", method="list", incremental_key="0" * 64)
    return SyncJobRun.objects.get(pk=run.pk)


def _met(run: SyncJobRun, error: dict[str, Any], times: int) -> None:
    step = run.steps.get()
    note_errors(run, [RecordError(run=run, step=step, resource="cities", method="list", **error) for _ in range(times)])
    SyncJobRun.objects.filter(pk=run.pk).update(error_count=run.record_errors.count())


def _fail(run: SyncJobRun) -> None:
    end_run(SyncJobRun.objects.filter(pk=run.pk), run.pk, RunStatus.FAILED, LOGIN.message, error=LOGIN)


def _date(run: SyncJobRun, at: datetime) -> None:
    """As if it had been noted then."""
    ErrorSighting.objects.filter(run=run).update(created_at=at, last_at=at + timedelta(minutes=2))
    RecordError.objects.filter(run=run).update(created_at=at)
    ErrorGroup.objects.filter(sightings__run=run, created_at__gt=at).update(created_at=at)
