"""`/sync-job-run`: started, watched, stopped, run again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, actor_of, environment_of, origin_of
from runs.api.integrated_accounts import accounts_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.naming import named_rows
from runs.api.payloads.common import ListOf, given
from runs.api.payloads.sync_job_runs import (
    ENTRY_FIELDS,
    ERROR_FIELDS,
    EVENT_FIELDS,
    RUN_FIELDS,
    EntryPayload,
    EventPayload,
    NewRun,
    RerunWishes,
    RunChanges,
    RunWithJob,
    entry_payload,
    event_payload,
    run_with_job,
)
from runs.api.sync_jobs import jobs_of
from runs.errors import Failure, InvalidInput
from runs.keyset import BY_ID
from runs.models import RunStatus, RunStep, SyncJobRun
from runs.services import RunRequest, create_run, mode_failures, request_stop, rerun
from runs.wire import ErrorPayload, RunPayload, error_payload, run_payload

router = Router()

COUNTED = Prefetch("steps", RunStep.objects.only("run_id", "index", "resource", "method", "fetched", "persisted"))


def runs_of(request: TokenRequest) -> QuerySet[SyncJobRun]:
    return SyncJobRun.objects.filter(environment=environment_of(request))


def find_run(request: TokenRequest, run_id: UUID) -> SyncJobRun:
    return find(runs_of(request).select_related("sync_job__integration"), run_id)


@router.get("", response=ListOf[RunPayload], openapi_extra=list_parameters(RUN_FIELDS))
def list_runs(request: TokenRequest) -> ListOf[RunPayload]:
    return page_of(runs_of(request).prefetch_related(COUNTED), request.GET, RUN_FIELDS, run_payload)


@router.post("", response={201: RunWithJob})
def start_run(request: TokenRequest, body: NewRun) -> RunWithJob:
    """Refused with 409 while the same job, account, args and destination are live, unless `force` is true."""
    asked = given(body)
    wishes = named_rows(
        asked,
        {
            "sync_job_id": ("job", jobs_of(request)),
            "integrated_account_id": ("account", accounts_of(request)),
        },
        mode_failures(environment_of(request), asked),
    )
    return run_with_job(create_run(RunRequest(**wishes), origin_of(request)))


@router.get("/{run_id}", response=RunWithJob)
def get_run(request: TokenRequest, run_id: UUID) -> RunWithJob:
    return run_with_job(find_run(request, run_id))


@router.patch("/{run_id}", response=RunWithJob)
def change_run(request: TokenRequest, run_id: UUID, body: RunChanges) -> RunWithJob:
    """The only change that a client may make is to stop it: `{"status": "stopped"}`."""
    run = find_run(request, run_id)
    match body.status:
        case None:
            return run_with_job(run)
        case RunStatus.STOPPED.value:
            return _stopped(request, run)
    raise InvalidInput([Failure("status", "can only be set to stopped")])


@router.delete("/{run_id}", response=RunWithJob)
def delete_run(request: TokenRequest, run_id: UUID) -> RunWithJob:
    """Stops it; a run is history and is never removed."""
    return _stopped(request, find_run(request, run_id))


@router.post("/{run_id}/stop", response=RunWithJob)
def stop_run(request: TokenRequest, run_id: UUID) -> RunWithJob:
    """A run that has ended is answered unchanged."""
    return _stopped(request, find_run(request, run_id))


@router.post("/{run_id}/rerun", response={201: RunWithJob})
def rerun_run(request: TokenRequest, run_id: UUID, body: RerunWishes | None = None) -> RunWithJob:
    """The new run; 409 while this one is live."""
    wishes: dict[str, Any] = given(body) if body else {}
    return run_with_job(rerun(find_run(request, run_id), actor=actor_of(request), **wishes))


@router.get("/{run_id}/event", response=ListOf[EventPayload], openapi_extra=list_parameters(EVENT_FIELDS))
def list_events(request: TokenRequest, run_id: UUID) -> ListOf[EventPayload]:
    """The run's timeline, the latest first."""
    return page_of(find_run(request, run_id).events.all(), request.GET, EVENT_FIELDS, event_payload)


@router.get("/{run_id}/entry", response=ListOf[EntryPayload], openapi_extra=list_parameters(ENTRY_FIELDS))
def list_entries(request: TokenRequest, run_id: UUID) -> ListOf[EntryPayload]:
    """Its entries and how far each is; in their own order with `order=asc`."""
    return page_of(find_run(request, run_id).steps.defer("cursor"), request.GET, ENTRY_FIELDS, entry_payload, BY_ID)


@router.get("/{run_id}/error", response=ListOf[ErrorPayload], openapi_extra=list_parameters(ERROR_FIELDS))
def list_errors(request: TokenRequest, run_id: UUID) -> ListOf[ErrorPayload]:
    """The requests and records that went wrong in it, the latest first."""
    return page_of(find_run(request, run_id).record_errors.all(), request.GET, ERROR_FIELDS, error_payload)


def _stopped(request: TokenRequest, run: SyncJobRun) -> RunWithJob:
    return run_with_job(request_stop(run, actor=actor_of(request)))
