"""An account's credentials: which ones its integration asks for, and how new ones are given. They are never read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from runs.catalog import catalog
from runs.connectors import SpecError, is_secret_name, parse_integration
from runs.errors import Failure, InvalidInput
from runs.models import AccountStatus, IntegratedAccount, Integration
from runs.services.definitions import save_account
from runs.services.redirection import context_paths, leads_elsewhere
from runs.services.saving import locked

LONGEST = 10_000  # characters: a private key fits in, and so does any token


@dataclass(frozen=True)
class CredentialField:
    """A value of the context that the integration's config uses. `path` has dots where the context nests."""

    path: str
    label: str
    help: str = ""
    is_secret: bool = True


def credential_fields(integration: Integration) -> list[CredentialField]:
    """Everything that the config has `{{context.…}}` for, in the catalogue's order and words where it has some."""
    described = {known.name: known for known in _described(integration)}
    secret_keys = _secret_keys(integration)
    fields = []
    wanted = set(context_paths(integration.config))
    for path in [*(name for name in described if name in wanted), *sorted(wanted - described.keys())]:
        known, is_secret = described.get(path), is_secret_name(path) or path.split(".")[0] in secret_keys
        label = known.label if known else path.replace("_", " ").replace(".", " ").capitalize()
        fields.append(CredentialField(path, label, known.help if known else "", known.secret if known else is_secret))
    return fields


@transaction.atomic
def give_credentials(account: IntegratedAccount, values: Mapping[str, str]) -> IntegratedAccount:
    """Put the values, by their paths, into the account's context, which keeps all others; the account is active then.

    Raises InvalidInput for a path that the integration does not ask for, for a text that is too long or can't be
    stored, and if there is none at all.
    """
    row = locked(account)
    known = {field.path for field in credential_fields(row.integration)}
    failures = [Failure(path, "is not a credential of this integration.") for path in values if path not in known]
    failures += [
        Failure(path, f"must be at most {LONGEST} characters long.")
        for path, value in values.items()
        if len(value) > LONGEST
    ]
    if not values:
        failures.append(Failure("context", "Give at least one of them: nothing was changed."))
    if failures:
        raise InvalidInput(failures)
    given = _laid_over(values, row.context)
    if leads_elsewhere(row.integration.config, row.context, row.integration.config, {**row.context, **given}):
        given = _laid_over(values, {})  # nothing stored is sent there
    return save_account(row.environment, {"context": given, "status": AccountStatus.ACTIVE.value}, row)


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
