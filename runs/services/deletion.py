"""Deleting: what goes at once, what stays as history, and what a live run keeps from being deleted.

A new run locks its account before it is written (`runs.services.runs`). So does every deletion here, for all the
accounts concerned, before it looks for live runs: none slips in between. Schedules are disarmed first, because firing
one locks it before the account; the other order could end in a deadlock.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from runs.engine.deliveries import cancel_unsent
from runs.errors import Failure, InvalidInput
from runs.models import (
    AccountToken,
    AuthorizationRequest,
    CronTrigger,
    IntegratedAccount,
    Integration,
    Record,
    SyncJob,
    SyncJobRun,
    Webhook,
)
from runs.services.audit import note
from runs.services.runs import request_stop
from runs.services.saving import locked
from runs.services.triggers import disarm

log = structlog.get_logger(__name__)

AT_ONCE = 5000  # records per statement: however many an account has, no statement runs into its time limit


@transaction.atomic
def delete_integration(integration: Integration) -> None:
    """Its accounts and jobs stay, and start nothing any more: their schedules are disarmed.

    Raises InvalidInput, naming the run, while a live run uses it.
    """
    disarmed = disarm(CronTrigger.objects.filter(sync_job__integration=integration))
    runs = SyncJobRun.objects.filter(integrated_account__integration=integration)
    if _delete_unused(integration, integration, runs):
        note("integration.delete", integration, disarmed_schedules=disarmed)


@transaction.atomic
def delete_job(job: SyncJob) -> None:
    """Its schedules are disarmed. Raises InvalidInput, naming the run, while a live run uses it."""
    disarmed = disarm(job.cron_triggers.all())
    if _delete_unused(job, job.integration, job.runs.all()):
        note("job.delete", job, disarmed_schedules=disarmed)


@transaction.atomic
def delete_webhook(webhook: Webhook) -> None:
    """Its schedules are disarmed, and what it was still to be told is cancelled.

    A new run holds its webhook before it is written, so none slips in. Raises InvalidInput, naming the run, while a
    live run uses it.
    """
    disarmed = disarm(webhook.cron_triggers.all())
    _mark(locked(webhook), webhook.runs.all())
    cancel_unsent([webhook.id])
    note("webhook.delete", webhook, disarmed_schedules=disarmed)


def delete_account(account: IntegratedAccount, *, actor: str = "") -> None:
    """Stop the account's runs and schedules, erase its credentials and its records, and keep the runs as history.

    Only after the mark nothing new can start, so the mark comes first. What a crash leaves undone after it,
    `finish_deletions` does.
    """
    disarmed = disarm(account.cron_triggers.all())
    now = timezone.now()
    with transaction.atomic():
        here = IntegratedAccount.objects.live().filter(id=account.id)
        if here.update(deleted_at=now, updated_at=now, context={}):
            note("account.delete", account, actor=actor, disarmed_schedules=disarmed)
        AccountToken.objects.filter(account=account).delete()
        AuthorizationRequest.objects.filter(account=account).delete()
    _clear(account, actor)


def finish_deletions() -> int:
    """Clear the deleted accounts that still have live runs or records. Returns how many there were."""
    runs = SyncJobRun.objects.live().filter(integrated_account=OuterRef("pk"))
    records = Record.objects.filter(integrated_account=OuterRef("pk"))
    deleted = IntegratedAccount.objects.exclude(deleted_at=None).defer("context")
    left = list(deleted.filter(Exists(runs) | Exists(records)))
    for account in left:
        log.info("A deletion that was cut short goes on.", account_id=str(account.id))
        _clear(account, "")
    return len(left)


def _clear(account: IntegratedAccount, actor: str) -> None:
    """A stopped run commits no further page, so what is erased after the stops stays erased."""
    for run in account.runs.live():
        request_stop(run, actor=actor)
    records = Record.objects.filter(integrated_account=account)
    while ids := list(records.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        Record.objects.filter(pk__in=ids).delete()


def _delete_unused(row: Integration | SyncJob, integration: Integration, runs: Any) -> bool:
    """False if it had been deleted before."""
    accounts = IntegratedAccount.objects.live().filter(integration=integration).order_by("id")
    list(accounts.select_for_update(no_key=True).values_list("id"))
    return _mark(row, runs)


def _mark(row: Integration | SyncJob | Webhook, runs: Any) -> bool:
    live = runs.live().first()
    if live is not None:
        raise InvalidInput([Failure("id", f"is in use by the live run {live.id}.")])
    now = timezone.now()
    return bool(type(row).objects.live().filter(id=row.id).update(deleted_at=now, updated_at=now))
