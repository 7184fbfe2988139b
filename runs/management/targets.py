"""Finding what a person names on a command line: by id, or by the name it goes under."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import Exists, OuterRef, QuerySet

from runs.models import Environment, IntegratedAccount, SyncJob

NAMED_AT_MOST = 10
OPTION = "--environment"


def find_job(text: str, account: str = "", environment: str | None = None) -> SyncJob:
    """The job with this id or label. Of several of that label the one that the account can run, named likewise, if it
    can run but one. Raises CommandError that names the candidates when there is not exactly one."""
    jobs = _within(SyncJob.objects.live(), environment)
    if _as_id(text) is None and jobs.filter(label=text).count() > 1:
        theirs = _named(_within(IntegratedAccount.objects.live(), environment), "tenant_id", account)
        runnable = theirs.filter(environment=OuterRef("environment"), integration=OuterRef("integration"))
        narrowed = jobs.filter(Exists(runnable))
        jobs = narrowed if narrowed.filter(label=text).exists() else jobs
    return _only(jobs, "label", text, "job", environment)


def find_account(text: str, job: SyncJob | None = None, environment: str | None = None) -> IntegratedAccount:
    """The account with this id, or of this tenant: of the job's integration, if there is a job. Raises CommandError
    likewise."""
    accounts = _within(IntegratedAccount.objects.live(), environment)
    if job is not None and _as_id(text) is None:
        accounts = accounts.filter(environment=job.environment, integration=job.integration)
    return _only(accounts, "tenant_id", text, "account", environment)


def _within(rows: QuerySet[Any], environment: str | None) -> QuerySet[Any]:
    """Those of the environment of this name, or all. Raises CommandError for one that there is not."""
    rows = rows.select_related("environment", "integration")
    if environment is None:
        return rows
    if not Environment.objects.filter(name=environment).exists():
        raise CommandError(f"{OPTION}: there is no environment {environment}.")
    return rows.filter(environment__name=environment)


def _named(rows: QuerySet[Any], field: str, text: str) -> QuerySet[Any]:
    wanted = _as_id(text)
    return rows.filter(id=wanted) if wanted else rows.filter(**{field: text})


def _only(rows: QuerySet[Any], field: str, text: str, noun: str, environment: str | None) -> Any:
    found = list(_named(rows, field, text))
    if len(found) == 1:
        return found[0]
    if found:
        or_add = "" if environment is not None else f", or add {OPTION}"
        raise CommandError(f"{len(found)} {noun}s are called {text}; name one by its id{or_add}:\n{_listed(found)}")
    there_are = _listed(rows.order_by(field)[:NAMED_AT_MOST])
    raise CommandError(
        f"There is no {noun} {text}. " + (f"There are:\n{there_are}" if there_are else "There is none yet.")
    )


def _listed(rows: Iterable[Any]) -> str:
    return "\n".join(f"  {row.id}  {row}  ({row.environment}, {row.integration.name})" for row in rows)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
