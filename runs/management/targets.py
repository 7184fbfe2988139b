"""Finding what a person names on a command line: by id, or by the name it goes under."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import QuerySet

from runs.models import IntegratedAccount, SyncJob

NAMED_AT_MOST = 10


def find_job(text: str) -> SyncJob:
    """The job with this id or label. Raises CommandError that names the candidates when there is not exactly one."""
    jobs = SyncJob.objects.live().select_related("environment", "integration")
    return _only(jobs, "label", text, "job")


def find_account(text: str, job: SyncJob | None = None) -> IntegratedAccount:
    """The account with this id, or of this tenant: of the job's integration, if there is a job. Raises CommandError
    likewise."""
    accounts = IntegratedAccount.objects.live().select_related("environment", "integration")
    if job is not None and _as_id(text) is None:
        accounts = accounts.filter(environment=job.environment, integration=job.integration)
    return _only(accounts, "tenant_id", text, "account")


def _only(rows: QuerySet[Any], field: str, text: str, noun: str) -> Any:
    wanted = _as_id(text)
    found = list(rows.filter(id=wanted) if wanted else rows.filter(**{field: text}))
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"{len(found)} {noun}s are called {text}; name one by its id:\n{_listed(found)}")
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
