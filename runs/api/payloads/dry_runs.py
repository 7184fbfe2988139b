"""Dry runs on the wire."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from typing_extensions import TypedDict

from runs.api.payloads.common import known_time
from runs.engine.record_form import RefusedRecord
from runs.services import DryEntry, DryOutcome, DryRun, EntryKind, Sample
from runs.wire import one_of


class DryRunWishes(Schema):
    integrated_account_id: UUID | None = None
    args: dict[str, Any] | None = None
    resources: list[Any] | None = None
    webhook_id: UUID | None = None
    ignore_previous_run: bool | None = None


class PreviewPayload(TypedDict):
    """The request of the first page, without its headers."""

    method: str
    url: str
    body: Any


class DryFault(TypedDict):
    code: str
    message: str
    status_code: int | None


class RefusedPayload(TypedDict):
    """A record that would be kept aside, or that the mapping fails on."""

    record_id: str | None
    code: str
    message: str


class SamplePayload(TypedDict):
    """A record as it would be stored; of a large one the beginning, as a text."""

    record: Any
    excerpt: str | None
    size: int


class DryEntryPayload(TypedDict):
    name: str
    resource: str
    method: str
    kind: Annotated[str, one_of(EntryKind)]
    depends_on: str | None
    persist: bool
    outcome: Annotated[str, one_of(DryOutcome)]
    why: str | None
    previous_run_date: str | None
    request_total: int | None
    request: PreviewPayload | None
    unfilled: list[str]
    status_code: int | None
    milliseconds: int
    fetched: int
    has_more: bool
    refused_count: int
    refused: list[RefusedPayload]
    samples: list[SamplePayload]
    error: DryFault | None


class DryRunPayload(TypedDict):
    sync_job_id: UUID
    integrated_account_id: UUID
    args: dict[str, Any]
    works: bool
    milliseconds: int
    usual_fetched: int | None
    usual_seconds: float | None
    entries: list[DryEntryPayload]


def dry_run_payload(found: DryRun) -> DryRunPayload:
    usual = found.usual
    return {
        "sync_job_id": found.request.job.id,
        "integrated_account_id": found.request.account.id,
        "args": dict(found.args),
        "works": found.is_well,
        "milliseconds": found.milliseconds,
        "usual_fetched": None if usual is None else usual.fetched,
        "usual_seconds": None if usual is None else usual.median.total_seconds(),
        "entries": [_entry(entry) for entry in found.entries],
    }


def _entry(tried: DryEntry) -> DryEntryPayload:
    entry, request, error = tried.entry, tried.request, tried.error
    told: DryFault | None = None
    if error is not None:
        told = {"code": error.code, "message": error.message, "status_code": error.status_code}
    return {
        "name": entry.name,
        "resource": entry.resource,
        "method": entry.method,
        "kind": tried.planned.kind.value,
        "depends_on": entry.parent,
        "persist": entry.persist,
        "outcome": tried.outcome.value,
        "why": tried.why or None,
        "previous_run_date": None if tried.since is None else known_time(tried.since),
        "request_total": tried.requests,
        "request": None if request is None else {"method": request.verb, "url": request.url, "body": request.body},
        "unfilled": list(tried.unfilled),
        "status_code": tried.status_code,
        "milliseconds": tried.milliseconds,
        "fetched": tried.fetched,
        "has_more": tried.has_more,
        "refused_count": tried.refused_count,
        "refused": [_refused(record) for record in tried.refused],
        "samples": [_sample(sample) for sample in tried.samples],
        "error": told,
    }


def _refused(record: RefusedRecord) -> RefusedPayload:
    return {"record_id": record.record_id or None, "code": record.code, "message": record.sentence}


def _sample(sample: Sample) -> SamplePayload:
    return {"record": sample.record, "excerpt": sample.excerpt or None, "size": sample.size}
