"""An account's credentials: which ones its integration asks for, and how new ones are given. They are never read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from runs.catalog import catalog
from runs.connectors import SpecError, is_secret_name, parse_integration
from runs.errors import Failure
from runs.models import AccountStatus, IntegratedAccount, Integration
from runs.services.authorizing import consent_of
from runs.services.definitions import save_account
from runs.services.redirection import context_paths, leads_elsewhere, needed_paths
from runs.services.saving import locked, raise_if

LONGEST = 10_000  # characters: a private key fits in, and so does any token
LONGEST_TENANT = 200


@dataclass(frozen=True)
class CredentialField:
    """A value of the context that the integration's config uses. `path` has dots where the context nests."""

    path: str
    label: str
    help: str = ""
    is_secret: bool = True
    is_required: bool = True


def credential_fields(integration: Integration) -> list[CredentialField]:
    """Everything that the config has `{{context.…}}` for, in the catalogue's order and words where it has some."""
    described = {known.name: known for known in _described(integration)}
    secret_keys, needed = _secret_keys(integration), set(needed_paths(integration.config))
    fields = []
    wanted = set(context_paths(integration.config))
    for path in [*(name for name in described if name in wanted), *sorted(wanted - described.keys())]:
        known, is_secret = described.get(path), is_secret_name(path) or path.split(".")[0] in secret_keys
        if known:
            fields.append(CredentialField(path, known.label, known.help, known.secret, known.required))
        else:
            label = path.replace("_", " ").replace(".", " ").capitalize()
            fields.append(CredentialField(path, label, "", is_secret, path in needed))
    return fields


@transaction.atomic
def create_account(integration: Integration, tenant_id: str, values: Mapping[str, str]) -> IntegratedAccount:
    """An account with these values, by their paths, as its context.

    Raises InvalidInput for a path that the integration does not ask for, for one that it needs and is not given, and
    for a text that is too long or can't be stored.
    """
    row = locked(integration, no_key=True)
    fields = credential_fields(row)
    failures = _failures(fields, values)
    failures += [
        Failure(field.path, "is required.") for field in fields if field.is_required and field.path not in values
    ]
    if len(tenant_id) > LONGEST_TENANT:
        failures.append(Failure("tenant_id", f"must be at most {LONGEST_TENANT} characters long."))
    raise_if(failures)
    context = _laid_over(values, {})
    return save_account(row.environment, {"integration": row, "tenant_id": tenant_id, "context": context})


@transaction.atomic
def give_credentials(account: IntegratedAccount, values: Mapping[str, str]) -> IntegratedAccount:
    """Put the values, by their paths, into the account's context, which keeps all others; the account is active then,
    unless it is connected in a browser, which these values are only needed for.

    Raises InvalidInput for a path that the integration does not ask for, for a text that is too long or can't be
    stored, and if there is none at all.
    """
    row = locked(account)
    failures = _failures(credential_fields(row.integration), values)
    if not values:
        failures.append(Failure("context", "Give at least one of them: nothing was changed."))
    raise_if(failures)
    given = _laid_over(values, row.context)
    if leads_elsewhere(row.integration.config, row.context, row.integration.config, {**row.context, **given}):
        given = _laid_over(values, {})  # nothing stored is sent there
    status = {} if consent_of(row.integration) else {"status": AccountStatus.ACTIVE.value}
    return save_account(row.environment, {"context": given, **status}, row)


def _failures(fields: Sequence[CredentialField], values: Mapping[str, str]) -> list[Failure]:
    known = {field.path for field in fields}
    failures = [Failure(path, "is not a credential of this integration.") for path in values if path not in known]
    too_long = [path for path, value in values.items() if len(value) > LONGEST]
    return failures + [Failure(path, f"must be at most {LONGEST} characters long.") for path in too_long]


def _laid_over(values: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level values of the context that the paths lead into, with the new ones in them."""
    given: dict[str, Any] = {}
    for path, value in values.items():
        top, *rest = path.split(".")
        given[top] = _with(given.get(top, context.get(top)), rest, value)
    return given


def _with(value: Any, path: list[str], new: str) -> Any:
    """The value with the new one at the path; what is beside it stays."""
    if not path:
        return new
    inside = value if isinstance(value, dict) else {}
    return {**inside, path[0]: _with(inside.get(path[0]), path[1:], new)}


def _described(integration: Integration) -> tuple[Any, ...]:
    entry = catalog().get(integration.name)
    return entry.credentials if entry else ()


def _secret_keys(integration: Integration) -> set[str]:
    try:
        return parse_integration(integration.config).credential_keys
    except SpecError:
        return set()
