"""An installation in the middle of its day: accounts and jobs, and a run in every state that a page can show."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

from django.utils import timezone

from runs.models import (
    AccountStatus,
    Daemon,
    DaemonStatus,
    EventKind,
    IntegratedAccount,
    Record,
    RecordError,
    RunEvent,
    RunStatus,
    RunTrigger,
    StepStatus,
    SyncJob,
    SyncJobRun,
)
from runs.services import Origin, create_run
from tests import factories

LONG_NAME = (
    "Société Anonyme des Établissements Réunis de la Haute-Saône et du Territoire " * 2 + "de Belfort et Fils, Frères"
)
SCHEMA = {
    "project_slug": {"type": "string", "required": True, "description": "Such as gh/acme/website."},
    "since_days": {"type": "integer", "description": "How far to look back.", "default": 30},
    "branches": {"type": "array", "description": "All, if none is given."},
    "depth": {"type": "string", "enum": ["shallow", "full"]},
    "archived": {"type": "boolean"},
}


def populate() -> dict[str, SyncJobRun]:
    """Everything, and of the runs one of each state by its name."""
    now = timezone.now()
    accounts, jobs = _accounts(), _jobs()
    _daemons(now)
    runs = {
        name: _run(jobs[index % 2], accounts[index], now, **story)
        for index, (name, story) in enumerate(_stories().items())
    }
    _history(jobs[0], accounts[0], now)
    _errors(runs["warned"])
    _records(runs["completed"])
    return runs


def _accounts() -> list[IntegratedAccount]:
    integration = factories.integration(name="zendesk", label="Zendesk")
    names = ["Acme Corp", "Globex", "Initech", "Contoso", "Hooli", "Vandelay", "Northwind", "Wingtip Toys", LONG_NAME]
    statuses = cycle([AccountStatus.ACTIVE] * 6 + [AccountStatus.NEEDS_REAUTH])
    return [factories.account(integration=integration, tenant_id=name, status=next(statuses)) for name in names]


def _jobs() -> list[SyncJob]:
    integration = factories.account(
        tenant_id="spare", integration=IntegratedAccount.objects.first().integration
    ).integration
    return [
        factories.job(integration=integration, label="Tickets and comments", args_schema=SCHEMA),
        factories.job(integration=integration, label="Countries and cities"),
    ]


def _daemons(now: datetime) -> None:
    facts = {"pool": "threads", "concurrency": 4}
    for name, status, silent in [("eu1", "active", 2), ("eu2", "active", 400), ("us1", "stopped", 9000)]:
        Daemon.objects.create(
            daemon_id=f"daemon@{name}.example.org",
            group_key="default" if name != "us1" else "us",
            status=DaemonStatus(status),
            last_active_at=now - timedelta(seconds=silent),
            metadata=facts,
        )


def _stories() -> dict[str, dict[str, Any]]:
    failure = {
        "code": "request_failed",
        "message": "the source answered 429 Too Many Requests, and to wait longer than is allowed.",
        "resource": "cities",
        "method": "list",
        "status_code": 429,
    }
    return {
        "running": {"status": "running", "age": 72, "fetched": (252, 12_148), "lease_until": 3600, "trigger": "api"},
        "stopping": {"status": "running", "age": 380, "fetched": (252, 7_861), "lease_until": 3600, "stopping": 95},
        "stale": {"status": "running", "age": 1120, "fetched": (252, 2_698), "lease_until": -320, "trigger": "schedule"},
        "created": {"status": "created", "age": 40, "group": "eu-west", "trigger": "schedule"},
        "failed": {"status": "failed", "age": 4000, "took": 357, "fetched": (252, 70_243), "error": failure, "trigger": "schedule"},
        "warned": {"status": "completed", "age": 5000, "took": 131, "fetched": (252, 9_120), "errors": 4},
        "stopped": {"status": "stopped", "age": 9000, "took": 722, "fetched": (252, 55_618), "stopping": 8280},
        "completed": {"status": "completed", "age": 14_000, "took": 312, "fetched": (252, 48_002), "trigger": "rerun"},
        "long name": {"status": "failed", "age": 90_000, "took": 12, "fetched": (0, 0), "error": {**failure, "message": "x" * 400}},
    }  # fmt: skip


def _run(job: SyncJob, account: IntegratedAccount, now: datetime, **story: Any) -> SyncJobRun:
    """A run as the service makes it, brought to its state as a daemon would have."""
    started = now - timedelta(seconds=story["age"])
    args = {"project_slug": "gh/acme/website", "since_days": 30} if job.args_schema else {}
    origin = Origin(RunTrigger(story.get("trigger", "dashboard")), "operator")
    run = create_run(job, account, origin=origin, args=args, daemon_group_key=story.get("group"), dispatch=False)
    ended = started + timedelta(seconds=story["took"]) if "took" in story else None
    countries, cities = story.get("fetched", (0, 0))
    values: dict[str, Any] = {
        "status": story["status"],
        "created_at": started - timedelta(seconds=3),
        "finished_at": ended,
        "fetched": countries + cities,
        "persisted": countries + cities,
        "error_count": story.get("errors", 0),
        "error": story.get("error"),
    }
    if story["status"] != "created":
        values |= {"started_at": started, "daemon_id": "daemon@eu1.example.org", "attempt": 1}
    if "lease_until" in story:
        values |= {"lease_until": now + timedelta(seconds=story["lease_until"]), "lease_token": run.pk}
    if "stopping" in story:
        values |= {"stop_requested_at": now - timedelta(seconds=story["stopping"]), "stop_requested_by": "operator"}
    SyncJobRun.objects.filter(pk=run.pk).update(**values)
    run.refresh_from_db()
    if run.started_at:
        _steps(run, countries, cities)
        _events(run)
    return run


def _steps(run: SyncJobRun, countries: int, cities: int) -> None:
    """The countries are done; the cities are as far as the run."""
    half = run.started_at + timedelta(seconds=9)
    first, second = run.steps.all()
    ending = {"completed": StepStatus.COMPLETED, "running": StepStatus.RUNNING}.get(run.status, StepStatus(run.status))
    for step, count, status, begun, ended in [
        (first, countries, StepStatus.COMPLETED, run.started_at, half),
        (second, cities, ending, half, run.finished_at),
    ]:
        step.status, step.fetched, step.persisted, step.started_at, step.finished_at = (
            status,
            count,
            count,
            begun,
            ended,
        )
        step.error_count, step.previous_run_date = (
            (run.error_count if step is second else 0),
            run.started_at - timedelta(days=1),
        )
        step.save()
    second.position, second.request_total = (97, 252) if run.is_live else (252, 252)
    second.save()


def _events(run: SyncJobRun) -> None:
    lines: list[tuple[int, EventKind, str]] = [
        (0, EventKind.STARTED, "Started by daemon@eu1.example.org, attempt 1."),
        (0, EventKind.STEP_STARTED, "countries: started."),
        (9, EventKind.STEP_FINISHED, "countries: 252 fetched, 252 persisted."),
        (9, EventKind.STEP_STARTED, "cities: started."),
        (11, EventKind.RATE_LIMITED, "The source asks to wait 12 s (Retry-After)."),
    ]
    RunEvent.objects.filter(run=run, kind=EventKind.CREATED).update(created_at=run.created_at)
    for seconds, kind, message in lines:
        event = RunEvent.objects.create(run=run, kind=kind, message=message)
        RunEvent.objects.filter(pk=event.pk).update(created_at=run.started_at + timedelta(seconds=seconds))
    if run.status == RunStatus.FAILED:
        event = RunEvent.objects.create(run=run, kind=EventKind.FAILED, message=f"Failed: {run.error_text()}")
        RunEvent.objects.filter(pk=event.pk).update(created_at=run.finished_at)


def _history(job: SyncJob, account: IntegratedAccount, now: datetime) -> None:
    """Enough completed runs for a second page."""
    for hours in range(5, 60):
        _run(
            job, factories.account(integration=account.integration, tenant_id=f"Customer {hours}"), now,
            status="completed", age=hours * 3600, took=60 + hours * 7, fetched=(252, 900 + hours * 31), trigger="schedule",
        )  # fmt: skip


def _errors(run: SyncJobRun) -> None:
    step = run.steps.last()
    for number in range(4):
        RecordError.objects.create(
            run=run, step=step, resource="cities", method="list", code="http_error", status_code=502,
            message="the source answered 502 Bad Gateway four times within 30 s.", record_id=f"DE-{number}",
            url="https://api.example.org/cities?country=DE&page=3", excerpt="<html><h1>502 Bad Gateway</h1></html>",
        )  # fmt: skip


def _records(run: SyncJobRun) -> None:
    stored = {"first_run": run, "last_run": run, "created_at": run.finished_at, "updated_at": run.finished_at}
    for number in range(60):
        Record.objects.create(
            integrated_account=run.integrated_account,
            resource="cities" if number % 3 else "countries",
            record_id=str(2_950_159 + number),
            data={
                "geonameid": 2_950_159 + number,
                "name": f"City {number}",
                "countrycode": "DE",
                "population": 3426354,
            },
            content_hash=bytes(16),
            **stored,
        )
