"""`/daemon`: the workers, which serve every environment."""

from __future__ import annotations

from uuid import UUID

from ninja import Router

from runs.api.auth import TokenRequest
from runs.api.listing import find, list_parameters, page_of
from runs.api.payloads.common import ListOf
from runs.api.payloads.daemons import DAEMON_FIELDS, DaemonPayload, daemon_payload
from runs.models import Daemon

router = Router()


@router.get("", response=ListOf[DaemonPayload], openapi_extra=list_parameters(DAEMON_FIELDS))
def list_daemons(request: TokenRequest) -> ListOf[DaemonPayload]:
    return page_of(Daemon.objects.all(), request.GET, DAEMON_FIELDS, daemon_payload)


@router.get("/{row_id}", response=DaemonPayload)
def get_daemon(request: TokenRequest, row_id: UUID) -> DaemonPayload:
    return daemon_payload(find(Daemon.objects.all(), row_id))
