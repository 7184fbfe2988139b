"""An installation in the middle of its day: accounts and jobs, and a run in every state that a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any
from uuid import uuid4

from django.utils import timezone

from runs.models import (
    AccountStatus,
    CronTrigger,
    Daemon,
    DaemonStatus,
    DataWarning,
    EventKind,
    IntegratedAccount,
    Integration,
    Record,
    RecordError,
    RunEvent,
    RunHabit,
    RunStatus,
    RunTrigger,
    SkipCode,
    StepStatus,
    SyncJob,
    SyncJobRun,
)
from runs.services import Origin, RunRequest, create_run, disarm_trigger, run_now
from runs.version import VERSION
from runs.wire import known_time
from tests import factories

LONG_NAME = (
    "Société Anonyme des Établissements Réunis de la Haute-Saône et du Territoire de Belfort, Frères et Fils, " * 2
)
SCHEMA = {
    "project_slug": {"type": "string", "required": True, "description": "Such as gh/acme/website."},
    "since_days": {"type": "integer", "description": "How far to look back.", "default": 30},
    "branches": {"type": "array", "description": "All, if none is given."},
    "depth": {"type": "string", "enum": ["shallow", "full"]},
    "archived": {"type": "boolean"},
}
COUNTRIES = 252
EU1 = "daemon@eu1.example.org"


@dataclass(frozen=True)
class Story:
    """What became of a run.

    Times in seconds: since its start, from start to end, since a stop was asked for, and until a source's wait ends.
    """

    status: RunStatus
    age: int
    took: int | None = None
    cities: int = 0
    errors: int = 0
    error: str = ""
    lease: int | None = None
    stopping: int | None = None
    group: str | None = None
    wait: int | None = None
    warnings: tuple[DataWarning, ...] = ()
    slow: bool = False
    trigger: RunTrigger = RunTrigger.DASHBOARD


STORIES = {
    "running": Story(RunStatus.RUNNING, 72, cities=12_148, lease=3600, trigger=RunTrigger.API),
    "stopping": Story(RunStatus.RUNNING, 380, cities=7_861, lease=3600, stopping=95),
    "silent": Story(RunStatus.RUNNING, 1120, cities=2_698, lease=-320, trigger=RunTrigger.SCHEDULE),
    "created": Story(RunStatus.CREATED, 40, group="eu-west", trigger=RunTrigger.SCHEDULE),
    "failed": Story(
        RunStatus.FAILED, 4000, 357, 70_243,
        error="the source answered 429 Too Many Requests, and asks to wait longer than is allowed.",
        trigger=RunTrigger.SCHEDULE,
    ),
    "warned": Story(RunStatus.COMPLETED, 5000, 131, 9_120, errors=4),
    "doubtful": Story(
        RunStatus.COMPLETED, 7200, 41, warnings=(
            DataWarning("zero", "cities", 0, 48_210), DataWarning("unpersisted", "countries", 240, 252),
        ),
    ),
    "stopped": Story(RunStatus.STOPPED, 9000, 722, 55_618, stopping=8280),
    "completed": Story(RunStatus.COMPLETED, 14_000, 912, 48_002, trigger=RunTrigger.RERUN, slow=True),
    "waiting": Story(RunStatus.RUNNING, 640, cities=31_402, wait=118, trigger=RunTrigger.SCHEDULE),
    "long-name": Story(RunStatus.FAILED, 90_000, 12, error="unbroken" * 50),
}  # fmt: skip


def populate() -> dict[str, SyncJobRun]:
    """Everything; of the runs, the one of each story by its name."""
    now = timezone.now()
    integration = factories.integration(name="zendesk", label="Zendesk")
    accounts, jobs = _accounts(integration), _jobs(integration)
    _daemons(now)
    runs = {
        name: _run(job, account, story, now)
        for (name, story), account, job in zip(STORIES.items(), accounts, cycle(jobs), strict=False)
    }
    _history(jobs[0], now, accounts[4])
    _outage(jobs[1], now)
    _habits(*(run for name, run in runs.items() if name not in ("created", "waiting")))
    _errors(runs["warned"])
    runs["many"] = many_resources(accounts[1])
    runs["taken-over"] = taken_over(accounts[5], jobs[1])
    _schedules(jobs[1], accounts, now)
    _records(accounts[0], runs["completed"])
    return runs


def _accounts(integration: Integration) -> list[IntegratedAccount]:
    names = [
        "Acme Corp",
        "Globex",
        "Initech",
        "Contoso",
        "Hooli",
        "Vandelay",
        "Northwind",
        "Wingtip Toys",
        "Tailspin",
        "Soylent",
        LONG_NAME[:200],
    ]
    statuses = cycle([*[AccountStatus.ACTIVE] * 6, AccountStatus.NEEDS_REAUTH])
    return [
        factories.account(integration=integration, tenant_id=name, status=status)
        for name, status in zip(names, statuses, strict=False)
    ]


def _jobs(integration: Integration) -> list[SyncJob]:
    return [
        factories.job(integration=integration, label="Tickets and comments", args_schema=SCHEMA),
        factories.job(integration=integration, label="Countries and cities"),
    ]


def _schedules(job: SyncJob, accounts: list[IntegratedAccount], now: datetime) -> None:
    """Armed, skipped, refused, not fired, overdue, disarmed; the newest stands first."""
    expressions = ("0 2 * * SUN", "15,45 8-18 * * MON-FRI", "*/5 * * * *", "30 6 1 * *", "0 * * * *", "0 4 * * *")
    made = [
        factories.trigger(job=job, account=account, cron_expression=expression, args={"schedule": number})
        for number, (account, expression) in enumerate(zip(accounts[5:], expressions, strict=True))
    ]
    disarm_trigger(made[0])
    change = CronTrigger.objects.filter
    change(pk=made[1].pk).update(next_run_at=now - timedelta(minutes=7))
    skip = {"last_skipped_at": now - timedelta(minutes=3)}
    change(pk=made[2].pk).update(**skip, last_skip_code=SkipCode.REFUSED, last_skip_reason="args.since: is required.")
    run = run_now(made[3], actor="operator")
    SyncJobRun.objects.filter(pk=run.pk).update(
        status=RunStatus.COMPLETED, created_at=now - timedelta(hours=1), finished_at=now
    )
    change(pk=made[3].pk).update(**skip, last_skip_code=SkipCode.LIVE_RUN)
    change(pk=made[4].pk).update(completion_due_at=now - timedelta(minutes=50))


def _daemons(now: datetime) -> None:
    for name, group, status, silent in [
        (EU1, "default", DaemonStatus.ACTIVE, -3600),
        ("daemon@eu2.example.org", "default", DaemonStatus.ACTIVE, 400),
        ("daemon@us1.example.org", "us", DaemonStatus.STOPPED, 9000),
    ]:
        Daemon.objects.create(
            daemon_id=name,
            group_key=group,
            status=status,
            last_active_at=now - timedelta(seconds=silent),
            metadata={
                "pool": "threads",
                "concurrency": 4,
                "host": name.partition("@")[2],
                "pid": 4711,
                "version": VERSION,
            },
        )


def _run(job: SyncJob, account: IntegratedAccount, story: Story, now: datetime) -> SyncJobRun:
    """A run as the service makes it, brought to where its story is by what a daemon would have written."""
    args = {"project_slug": "gh/acme/website"} if job.args_schema else {}
    origin = Origin(story.trigger, "" if story.trigger == RunTrigger.SCHEDULE else "operator")
    run = create_run(RunRequest(job, account, args, daemon_group_key=story.group), origin, dispatch=False)
    SyncJobRun.objects.filter(pk=run.pk).update(**_values(story, now))
    run.refresh_from_db()
    RunEvent.objects.filter(run=run).update(created_at=run.created_at)
    if run.started_at:
        _steps(run, story)
        _events(run, run.started_at)
    return run


def _values(story: Story, now: datetime) -> dict[str, Any]:
    started = now - timedelta(seconds=story.age)
    ended = None if story.took is None else started + timedelta(seconds=story.took)
    count = story.cities + COUNTRIES
    values: dict[str, Any] = {
        "status": story.status,
        "created_at": started - timedelta(seconds=3),
        "finished_at": ended,
    }
    if story.status == RunStatus.CREATED:
        return values
    values |= {"started_at": started, "updated_at": ended or now, "daemon_id": EU1, "attempt": 1}
    values |= {"fetched": count, "persisted": count, "error_count": story.errors}
    if story.warnings:
        told = [warning.as_json() for warning in story.warnings]
        values |= {"warning": story.warnings[0].code, "warnings": told}
    if story.slow:
        values["usual_limit"] = timedelta(seconds=480)
    if story.error:
        values["error"] = {"code": "request_failed", "message": story.error, "resource": "cities", "method": "list"}
    if story.lease is not None:
        values |= {"lease_until": now + timedelta(seconds=story.lease), "lease_token": uuid4()}
    if story.wait is not None:
        until = now + timedelta(seconds=story.wait)
        values |= {"resume_at": until, "rate_limited_until": until}
    if story.stopping is not None:
        values |= {"stop_requested_at": now - timedelta(seconds=story.stopping), "stop_requested_by": "operator"}
    return values


def _steps(run: SyncJobRun, story: Story) -> None:
    """The countries are done; the cities are as far as the run."""
    half = run.started_at + timedelta(seconds=9)
    dated: dict[str, Any] = {"previous_run_date": run.started_at - timedelta(days=1)}
    clean = run.started_at if run.status == RunStatus.COMPLETED and not story.errors else None
    dated["watermark"] = clean
    done = {"status": StepStatus.COMPLETED, "started_at": run.started_at, "finished_at": half}
    run.steps.filter(index=0).update(fetched=COUNTRIES, persisted=COUNTRIES, **done, **dated)
    work = {"status": StepStatus(run.status), "started_at": half, "finished_at": run.finished_at}
    progress = {"position": 97 if run.is_live else COUNTRIES, "request_total": COUNTRIES}
    counts = {"fetched": story.cities, "persisted": story.cities, "error_count": story.errors}
    run.steps.filter(index=1).update(**work, **progress, **counts, **dated)


def _events(run: SyncJobRun, started: datetime) -> None:
    lines: list[tuple[datetime, EventKind, str]] = [
        (started, EventKind.STARTED, f"Started by {EU1}, attempt 1."),
        (started, EventKind.STEP_STARTED, "countries: started."),
        (started + timedelta(seconds=9), EventKind.STEP_FINISHED, "countries: 252 fetched, 252 persisted."),
        (started + timedelta(seconds=9), EventKind.STEP_STARTED, "cities: started."),
        (started + timedelta(seconds=11), EventKind.RATE_LIMITED, "The source asks to wait 12 s (Retry-After)."),
    ]
    if run.stop_requested_at:
        lines.append((run.stop_requested_at, EventKind.STOP_REQUESTED, "Stop asked for by operator."))
    if run.finished_at:
        ending = f"{run.get_status_display()}{f': {run.error_text()}' if run.error else '.'}"
        lines.append((run.finished_at, EventKind(run.status), ending))
    for time, kind, message in lines:
        event = RunEvent.objects.create(run=run, kind=kind, message=message)
        RunEvent.objects.filter(pk=event.pk).update(created_at=time)


def _history(job: SyncJob, now: datetime, regular: IntegratedAccount) -> None:
    """Enough completed runs for a second page; every second one is of one account."""
    for hours in range(5, 60):
        often = hours % 2 == 0
        account = regular if often else factories.account(integration=job.integration, tenant_id=f"Customer {hours}")
        status = RunStatus.STOPPED if hours == 26 else RunStatus.COMPLETED
        took, cities = 260 + hours * 37 % 110, 900 + hours * 31
        _run(job, account, Story(status, hours * 3600, took, cities, trigger=RunTrigger.SCHEDULE), now)


def _outage(job: SyncJob, now: datetime) -> None:
    """Many accounts failed for one cause, at other pages and times."""
    for number in range(14):
        account = factories.account(integration=job.integration, tenant_id=f"Branch {number + 1}")
        error = f"page {number + 2}: the source answered 503 Service Unavailable four times within 30 s."
        _run(job, account, Story(RunStatus.FAILED, 900 + 150 * number, 61, error=error), now)


def _habits(*runs: SyncJobRun) -> None:
    for run in runs:
        RunHabit.objects.create(
            sync_job=run.sync_job, integrated_account=run.integrated_account, mode=run.mode, sample_count=20,
            median_seconds=290, p10_seconds=244, p90_seconds=371, p95_seconds=480, median_fetched=48_300,
        )  # fmt: skip


def _errors(run: SyncJobRun) -> None:
    """Requests that failed alike, one of them with an address without end, and a record that was kept aside."""
    where: dict[str, Any] = {"run": run, "step": run.steps.get(index=1), "resource": "cities", "method": "list"}
    for number in range(4):
        RecordError.objects.create(
            **where,
            code="http_error",
            status_code=502,
            message="the source answered 502 Bad Gateway four times within 30 s.",
            record_id=f"DE-{number}",
            url=f"https://api.example.org/cities?country=DE&page=3&cursor={'bmV4dA' * (60 if number == 0 else 1)}",
            excerpt="<html><h1>502 Bad Gateway</h1></html>",
            fingerprint="5e1f0c9b7a4d2e38",
        )
    RecordError.objects.create(
        **where, code="record_invalid", message="the record has no id at geonameid.", is_quarantine=True,
        excerpt='{"name": "Nowhere"}', fingerprint="0b77d1c2e9a35f64",
    )  # fmt: skip


def composed(account: IntegratedAccount) -> SyncJobRun:
    """A run of entries that recurse, spool and transform, told to a webhook in groups: nothing of it is stored."""
    resources = [
        {"resource": "countries", "method": "list", "name": "regions",
         "recurse": {"if": "response.children > 0", "config": {"query": {"parent": "{{resources.regions.iso}}"}}}},
        {"type": "spool", "name": "all-regions", "depends_on": "regions"},
        {"type": "transform", "name": "region-names", "depends_on": "all-regions", "persist": True,
         "config": {"expression": "{'id': response.iso, 'name': response.name}"}},
    ]  # fmt: skip
    job = factories.job(
        integration=account.integration, label="Regions", resources=resources, default_runtime_version=2
    )
    hook = factories.webhook(environment=job.environment, target_url="https://hooks.example.org/regions")
    wishes = RunRequest(job, account, {}, webhook_id=hook.pk, error_handling="batch")
    run = create_run(wishes, Origin(RunTrigger.API, "token for pictures"), dispatch=False)
    now = timezone.now()
    SyncJobRun.objects.filter(pk=run.pk).update(
        status=RunStatus.RUNNING, started_at=now - timedelta(seconds=41), daemon_id=EU1, attempt=1, fetched=512,
        persisted=200, lease_until=now + timedelta(hours=1), lease_token=uuid4(),
    )  # fmt: skip
    run.refresh_from_db()
    done = {"started_at": run.started_at, "finished_at": now}
    run.steps.filter(index=0).update(status=StepStatus.COMPLETED, fetched=312, **done)
    run.steps.filter(index=1).update(status=StepStatus.COMPLETED, **done)
    run.steps.filter(index=2).update(status=StepStatus.RUNNING, fetched=200, persisted=200, started_at=now)
    return run


def many_resources(account: IntegratedAccount) -> SyncJobRun:
    """A failed run of two hundred resources, one of them with a name without end."""
    resources = [
        {
            "resource": "countries",
            "method": "list",
            "name": "endless" * 28 if n == 7 else f"region-{n}",
            "persist": True,
        }
        for n in range(200)
    ]
    job = factories.job(integration=account.integration, label="All regions", resources=resources)
    error = "the source answered 500 Internal Server Error."
    run = _run(job, account, Story(RunStatus.FAILED, 7000, 1800, 12_000, error=error), timezone.now())
    for step in run.steps.all():
        begin = run.started_at + timedelta(seconds=9 * step.index)
        values = {"status": StepStatus.COMPLETED, "started_at": begin, "finished_at": begin + timedelta(seconds=9)}
        if step.index == 150:
            values |= {"status": StepStatus.FAILED, "finished_at": run.finished_at}
        elif step.index > 150:
            values = {"status": StepStatus.PENDING, "started_at": None, "finished_at": None}
        run.steps.filter(pk=step.pk).update(fetched=step.index * 37 % 911, persisted=step.index * 37 % 911, **values)
    return run


def taken_over(account: IntegratedAccount, job: SyncJob) -> SyncJobRun:
    """A run in its third attempt, which repeats another one."""
    now = timezone.now()
    first = _run(job, account, Story(RunStatus.STOPPED, 30_000, 60, 2_000, stopping=29_950), now)
    run = _run(job, account, Story(RunStatus.RUNNING, 900, cities=31_402, errors=3, lease=3600), now)
    SyncJobRun.objects.filter(pk=run.pk).update(attempt=3, rerun_of=first)
    for minutes, counts in ((5, (9_000, 8_990, 0)), (9, (21_500, 21_480, 2))):
        lost = run.started_at + timedelta(minutes=minutes)
        noted = dict(zip(("fetched", "persisted", "error_count"), counts, strict=True))
        event = RunEvent.objects.create(
            run=run, kind=EventKind.WORKER_LOST, actor=EU1,
            message=f"Daemon daemon@eu2.example.org gave no sign of life; {EU1} goes on where it was.",
            details={"daemon_id": "daemon@eu2.example.org", **noted, "silent_since": known_time(lost)},
        )  # fmt: skip
        RunEvent.objects.filter(pk=event.pk).update(created_at=lost)
    _errors(run)
    return run


def _records(account: IntegratedAccount, run: SyncJobRun) -> None:
    stored = {"first_run": run, "last_run": run, "created_at": run.finished_at, "updated_at": run.finished_at}
    for number in range(60):
        geonameid = 2_950_159 + number
        Record.objects.create(
            integrated_account=account,
            resource="cities" if number % 3 else "countries",
            record_id=str(geonameid),
            data={"geonameid": geonameid, "name": f"City {number}", "countrycode": "DE", "population": 3_426_354},
            content_hash=bytes(16),
            deleted_at=run.finished_at if number % 20 == 0 else None,
            **stored,
        )
