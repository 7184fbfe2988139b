"""`/record`: what the runs have stored."""

from __future__ import annotations

from ninja import Router

from runs.api.auth import TokenRequest, environment_of
from runs.api.listing import list_parameters, page_of
from runs.api.payloads.common import ListOf
from runs.api.payloads.records import RECORD_FIELDS, RecordPayload, record_payload
from runs.keyset import BY_ID
from runs.models import Record

router = Router()


@router.get("", response=ListOf[RecordPayload], openapi_extra=list_parameters(RECORD_FIELDS))
def list_records(request: TokenRequest) -> ListOf[RecordPayload]:
    records = Record.objects.filter(integrated_account__environment=environment_of(request)).defer("content_hash")
    return page_of(records, request.GET, RECORD_FIELDS, record_payload, BY_ID)
