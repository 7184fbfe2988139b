"""Integrations, accounts and jobs: checked before they are stored, and removed so that history stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from runs.connectors import SpecError, parse_integration
from runs.engine.entries import parse_entries
from runs.errors import Failure, InvalidInput
from runs.models import AccountStatus, Environment, IntegratedAccount, Integration, Record, SyncJob, SyncJobRun
from runs.services.args_schema import check_schema
from runs.services.run_request import spec_of
from runs.services.runs import request_stop
from runs.storable import storage_failures

VERSIONS = (None, 1, 2)

Row = TypeVar("Row", Integration, IntegratedAccount, SyncJob)


@transaction.atomic
def save_integration(
    environment: Environment, values: Mapping[str, Any], integration: Integration | None = None
) -> Integration:
    """Create the integration, or change the one given. Raises InvalidInput with every fault of it."""
    row = _locked(integration) if integration else Integration(environment=environment)
    _assign(row, values, ("name", "label", "category", "config"))
    failures = [] if row.name else [Failure("name", "is required.")]
    try:
        parse_integration(row.config)
    except SpecError as error:
        failures += [Failure(".".join(filter(None, ("config", path))), text) for path, text in error.failures]
    _raise_if(failures)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise InvalidInput([Failure("name", f"{row.name} is taken in this environment.")]) from error
    return row


@transaction.atomic
def save_account(
    environment: Environment, values: Mapping[str, Any], account: IntegratedAccount | None = None
) -> IntegratedAccount:
    """Create the account, or change the one given; a given context is merged into the stored one.

    New credentials make an account active that needed them. Raises InvalidInput.
    """
    row = _locked(account) if account else IntegratedAccount(environment=environment)
    _assign(row, values, ("integration", "tenant_id", "status", "unified_model_override"))
    failures = [] if row.integration_id else [Failure("integration_name", "is required.")]
    if row.status not in AccountStatus.values:
        failures.append(Failure("status", f"must be one of {', '.join(AccountStatus.values)}."))
    given = values.get("context")
    if given is not None and not isinstance(given, dict):
        failures.append(Failure("context", "must be an object."))
    failures += storage_failures(given, "context")
    _raise_if(failures)
    if given:
        row.context = {**row.context, **given}
        if row.status == AccountStatus.NEEDS_REAUTH:
            row.status = AccountStatus.ACTIVE
    row.save()
    return row


@transaction.atomic
def save_job(environment: Environment, values: Mapping[str, Any], job: SyncJob | None = None) -> SyncJob:
    """Create the job, or change the one given. Raises InvalidInput with every fault of it."""
    row = _locked(job) if job else SyncJob(environment=environment)
    _assign(row, values, ("integration", "label", "args_schema", "resources", "default_runtime_version"))
    failures: list[Failure] = []
    if row.default_runtime_version not in VERSIONS:
        failures.append(Failure("default_runtime_version", "must be 1 or 2."))
    failures += _caught(check_schema, row.args_schema)
    if not row.integration_id:
        failures.append(Failure("integration_name", "is required."))
    else:
        failures += _caught(parse_entries, row.resources, spec_of(row.integration))
    _raise_if(failures)
    row.save()
    return row


def delete_integration(integration: Integration) -> None:
    """Raises InvalidInput, naming the run, while a live run uses it."""
    _delete(integration, SyncJobRun.objects.filter(integrated_account__integration=integration))


def delete_job(job: SyncJob) -> None:
    """Raises InvalidInput, naming the run, while a live run uses it."""
    _delete(job, job.runs.all())


def delete_account(account: IntegratedAccount, *, actor: str = "") -> None:
    """Stop the account's runs, erase its credentials and its records, and keep the runs as history.

    Only after the mark nothing new can start, so the mark comes first.
    """
    IntegratedAccount.objects.filter(id=account.id).update(
        deleted_at=timezone.now(), updated_at=timezone.now(), context={}
    )
    for run in account.runs.live():
        request_stop(run, actor=actor)
    Record.objects.filter(integrated_account=account).delete()


def _locked(row: Row) -> Row:
    """The row, read again and locked to the end of the transaction, so that no change of another caller is lost.

    Raises InvalidInput if it has been deleted meanwhile.
    """
    if row._state.adding:
        return row
    try:
        row.refresh_from_db(from_queryset=type(row).objects.live().select_for_update(of=("self",)))
    except type(row).DoesNotExist as error:
        raise InvalidInput([Failure("id", "has been deleted.")]) from error
    return row


def _delete(row: Integration | SyncJob, runs: Any) -> None:
    live = runs.live().first()
    if live is not None:
        raise InvalidInput([Failure("id", f"is in use by the live run {live.id}.")])
    type(row).objects.filter(id=row.id).update(deleted_at=timezone.now(), updated_at=timezone.now())


def _assign(row: Any, values: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    _raise_if([failure for field in fields if field in values for failure in storage_failures(values[field], field)])
    for field in fields:
        if field in values:
            setattr(row, field, values[field])


def _caught(check: Any, *args: Any) -> list[Failure]:
    try:
        check(*args)
    except InvalidInput as error:
        return error.failures
    return []


def _raise_if(failures: list[Failure]) -> None:
    if failures:
        raise InvalidInput(failures)
