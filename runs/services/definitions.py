"""Integrations, accounts and jobs: checked before they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from runs.connectors import SpecError, parse_integration
from runs.engine.entries import parse_entries
from runs.errors import ChangedMeanwhile, Failure, InvalidInput
from runs.models import AccountStatus, AccountToken, Environment, IntegratedAccount, Integration, SyncJob
from runs.services.args_schema import check_schema
from runs.services.audit import note, note_saved, values_of
from runs.services.authorizing import basis_of, consent_of
from runs.services.mappings import override_failures
from runs.services.redirection import drop_redirected, leads_elsewhere, redirected
from runs.services.run_request import spec_of
from runs.services.saving import assign, caught, locked, raise_if
from runs.storable import storage_failures

VERSIONS = (None, 1, 2)
LONGEST_LABEL = 200
INTEGRATION_FIELDS = ("name", "label", "category", "config")
ACCOUNT_FIELDS = ("integration", "tenant_id", "status", "unified_model_override")
JOB_FIELDS = ("integration", "label", "args_schema", "resources", "default_runtime_version")


@transaction.atomic
def save_integration(
    environment: Environment, values: Mapping[str, Any], integration: Integration | None = None
) -> Integration:
    """Create the integration, or change the one given. Raises InvalidInput with every fault of it.

    Accounts that another address would send their credentials to lose them, and need new ones.
    """
    row = locked(integration) if integration else Integration(environment=environment)
    before, old_config = values_of(row, INTEGRATION_FIELDS), row.config
    assign(row, values, INTEGRATION_FIELDS)
    failures = [] if row.name else [Failure("name", "is required.")]
    try:
        parse_integration(row.config)
    except SpecError as error:
        failures += [Failure(".".join(filter(None, ("config", path))), text) for path, text in error.failures]
    raise_if(failures)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise InvalidInput([Failure("name", f"{row.name} is taken in this environment.")]) from error
    note_saved("integration", row, before)
    if before is not None and row.config != old_config:
        drop_redirected(row, old_config)
    return row


@transaction.atomic
def save_account(
    environment: Environment, values: Mapping[str, Any], account: IntegratedAccount | None = None
) -> IntegratedAccount:
    """Create the account, or change the one given; a given context is merged into the stored one.

    One that leads to another address must have the credentials anew. New credentials make an account active that needed
    them; the access token and the wait that the old ones brought are gone. An account that is connected in a browser
    waits for that, at first and when its token is gone. Raises InvalidInput.
    """
    row = locked(account) if account else IntegratedAccount(environment=environment)
    before, old_config = values_of(row, ACCOUNT_FIELDS), row.integration.config if row.integration_id else None
    assign(row, values, ACCOUNT_FIELDS)
    failures = [] if row.integration_id else [Failure("integration_name", "is required.")]
    if row.status not in AccountStatus.values:
        failures.append(Failure("status", f"must be one of {', '.join(AccountStatus.values)}."))
    given = values.get("context")
    if given is not None and not isinstance(given, dict):
        failures.append(Failure("context", "must be an object."))
    failures += storage_failures(given, "context")
    if row.integration_id and "unified_model_override" in values:
        failures += override_failures(row)
    raise_if(failures)
    context, missing = redirected(row, old_config, given or {})
    raise_if(missing)
    renewed = [key for key, value in (given or {}).items() if key not in row.context or row.context[key] != value]
    authorization = consent_of(row.integration)
    if _outdates_token(row, old_config, given or {}, context):
        row.rate_limited_until = None
        lost, _ = AccountToken.objects.filter(account=row.id).delete()
        if authorization and lost and row.status == AccountStatus.ACTIVE:
            row.status = AccountStatus.NEEDS_REAUTH
    if given:
        row.context = context
        if row.status == AccountStatus.NEEDS_REAUTH and authorization is None:
            row.status = AccountStatus.ACTIVE
    if before is None and authorization and "status" not in values:
        row.status = AccountStatus.CONNECTING
    row.save()
    if before is not None and renewed:
        note("account.credentials", row, keys=sorted(renewed))
    note_saved("account", row, before)
    return row


@transaction.atomic
def save_job(
    environment: Environment,
    values: Mapping[str, Any],
    job: SyncJob | None = None,
    *,
    unchanged_since: datetime | None = None,
) -> SyncJob:
    """Create the job, or change the one given. Raises InvalidInput with every fault of it.

    `unchanged_since` is the `updated_at` that the caller has seen: raises ChangedMeanwhile if it is another one now.
    """
    row = locked(job) if job else SyncJob(environment=environment)
    if unchanged_since is not None and row.updated_at != unchanged_since:
        raise ChangedMeanwhile(f"The job {row} was changed at {row.updated_at:%H:%M:%S} UTC.")
    before = values_of(row, JOB_FIELDS)
    assign(row, values, JOB_FIELDS)
    raise_if(_job_failures(row))
    row.save()
    note_saved("job", row, before)
    return row


def job_failures(environment: Environment, values: Mapping[str, Any], job: SyncJob | None = None) -> list[Failure]:
    """What `save_job` would refuse, without storing anything."""
    row = copy(job) if job else SyncJob(environment=environment)
    return caught(assign, row, values, JOB_FIELDS) or _job_failures(row)


def job_labelled(integration: Integration, label: str) -> SyncJob | None:
    """The job that a definition with this label means; of several the first one made."""
    return SyncJob.objects.live().filter(integration=integration, label=label).order_by("created_at", "id").first()


def _job_failures(row: SyncJob) -> list[Failure]:
    failures: list[Failure] = []
    if not isinstance(row.label, str) or len(row.label) > LONGEST_LABEL:
        failures.append(Failure("label", f"must be a text of at most {LONGEST_LABEL} characters."))
    if row.default_runtime_version not in VERSIONS:
        failures.append(Failure("default_runtime_version", "must be 1 or 2."))
    failures += caught(check_schema, row.args_schema)
    if not row.integration_id:
        return [*failures, Failure("integration_name", "is required.")]
    return failures + caught(_check_entries, row)


def _check_entries(row: SyncJob) -> None:
    parse_entries(row.resources, spec_of(row.integration))


def _outdates_token(
    row: IntegratedAccount, old_config: Any, given: Mapping[str, Any], context: Mapping[str, Any]
) -> bool:
    """Whether the row's access token is of no use, or not to be used, once its context is the new one."""
    integration = row.integration
    if leads_elsewhere(old_config, row.context, integration.config, context):
        return True
    authorization = consent_of(integration)
    if authorization is not None:
        return basis_of(authorization, row.context) != basis_of(authorization, context)
    return bool(given) and _has_credentials(given, integration)


def _has_credentials(given: Mapping[str, Any], integration: Integration) -> bool:
    """Whether the authorization uses one of the given keys. A new subdomain alone does not cost a rotated token."""
    try:
        return not parse_integration(integration.config).credential_keys.isdisjoint(given)
    except SpecError:
        return True
