"""`/sync-job-cron-trigger`: jobs that run by the clock."""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from django.db.models import QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, environment_of
from runs.api.integrated_accounts import accounts_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.naming import named_rows
from runs.api.payloads.common import Deleted, ListOf, given
from runs.api.payloads.cron_triggers import (
    TRIGGER_FIELDS,
    NewTrigger,
    Scheduled,
    TriggerChanges,
    TriggerPayload,
    trigger_payload,
)
from runs.api.sync_jobs import jobs_of
from runs.models import CronTrigger
from runs.services import arm_trigger, delete_trigger, expression_failures, mode_failures, save_trigger

router = Router()


def triggers_of(request: TokenRequest) -> QuerySet[CronTrigger]:
    return CronTrigger.objects.live().filter(environment=environment_of(request))


@router.get("", response=ListOf[TriggerPayload], openapi_extra=list_parameters(TRIGGER_FIELDS))
def list_triggers(request: TokenRequest) -> ListOf[TriggerPayload]:
    return page_of(triggers_of(request), request.GET, TRIGGER_FIELDS, trigger_payload)


@router.post("", response={201: TriggerPayload})
def create_trigger(request: TokenRequest, body: NewTrigger) -> TriggerPayload:
    """Armed at once, unless `is_active` is false. Checked like a run: what a run would be refused for is a 400."""
    asked, environment = given(body), environment_of(request)
    values = named_rows(
        asked,
        {
            "sync_job_id": ("sync_job", jobs_of(request)),
            "integrated_account_id": ("integrated_account", accounts_of(request)),
        },
        chain(mode_failures(environment, asked), expression_failures(asked.get("cron_expression", ""))),
    )
    return trigger_payload(save_trigger(environment, values))


@router.get("/{trigger_id}", response=TriggerPayload)
def get_trigger(request: TokenRequest, trigger_id: UUID) -> TriggerPayload:
    return trigger_payload(find(triggers_of(request), trigger_id))


@router.patch("/{trigger_id}", response=TriggerPayload)
def change_trigger(request: TokenRequest, trigger_id: UUID, body: TriggerChanges) -> TriggerPayload:
    """A given destination replaces the other one. A changed expression, and arming, look for the next slot anew."""
    trigger = find(triggers_of(request), trigger_id)
    return trigger_payload(save_trigger(trigger.environment, given(body), trigger))


@router.delete("/{trigger_id}", response=Deleted)
def remove_trigger(request: TokenRequest, trigger_id: UUID) -> Deleted:
    """The runs that it has started stay, and go on."""
    trigger = find(triggers_of(request), trigger_id)
    delete_trigger(trigger)
    return {"id": trigger.id}


@router.post("/{trigger_id}/schedule", response=Scheduled)
def schedule_trigger(request: TokenRequest, trigger_id: UUID) -> Scheduled:
    """Arms it: it waits for its next slot, from now on."""
    arm_trigger(find(triggers_of(request), trigger_id))
    return {"success": True}
