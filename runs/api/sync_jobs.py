"""`/sync-job`: what to sync."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, environment_of
from runs.api.integrated_accounts import accounts_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.naming import named_rows, with_integration
from runs.api.payloads.common import Deleted, ListOf, given
from runs.api.payloads.dry_runs import DryRunPayload, DryRunWishes, dry_run_payload
from runs.api.payloads.sync_jobs import JOB_FIELDS, JobChanges, JobPayload, NewJob, job_payload
from runs.errors import Failure, InvalidInput
from runs.models import SyncJob
from runs.services import RunRequest, delete_job, dry_run, save_job

router = Router()


def jobs_of(request: TokenRequest) -> QuerySet[SyncJob]:
    return environment_of(request).jobs.live().select_related("integration")


@router.get("", response=ListOf[JobPayload], openapi_extra=list_parameters(JOB_FIELDS))
def list_jobs(request: TokenRequest) -> ListOf[JobPayload]:
    return page_of(jobs_of(request).defer("integration__config"), request.GET, JOB_FIELDS, job_payload)


@router.post("", response={201: JobPayload})
def create_job(request: TokenRequest, body: NewJob) -> JobPayload:
    environment = environment_of(request)
    return job_payload(save_job(environment, with_integration(given(body), environment)))


@router.get("/{job_id}", response=JobPayload)
def get_job(request: TokenRequest, job_id: UUID) -> JobPayload:
    return job_payload(find(jobs_of(request), job_id))


@router.patch("/{job_id}", response=JobPayload)
def change_job(request: TokenRequest, job_id: UUID, body: JobChanges) -> JobPayload:
    """Runs that are live go on with the entries they were created with."""
    job = find(jobs_of(request), job_id)
    return job_payload(save_job(job.environment, given(body), job))


@router.post("/{job_id}/dry-run", response=DryRunPayload)
def try_job(request: TokenRequest, job_id: UUID, body: DryRunWishes | None = None) -> DryRunPayload:
    """What a run would do: each entry's first request, and what its first page brings. Nothing is stored, and requests
    that change the source are only shown. It takes up to 45 seconds, and at most 100 entries are tried.

    A child is asked for the first record of its parent's first page, a loop for its first element. The answer is a 200
    whether the source answers or not: `works` is false where an entry has an `error`.
    """
    job, asked = find(jobs_of(request), job_id), given(body) if body else {}
    if asked.get("integrated_account_id") is None:
        raise InvalidInput([Failure("integrated_account_id", "is required.")])
    wishes = named_rows(asked, {"integrated_account_id": ("account", accounts_of(request))})
    return dry_run_payload(dry_run(RunRequest(job, **wishes)))


@router.delete("/{job_id}", response=Deleted)
def remove_job(request: TokenRequest, job_id: UUID) -> Deleted:
    job = find(jobs_of(request), job_id)
    delete_job(job)
    return {"id": job.id}
