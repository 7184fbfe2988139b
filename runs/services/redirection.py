"""Credentials stay where they were given for: a change that would send them elsewhere needs them anew.

Whoever may change an address may not read the credentials of its accounts, and must not be able to have them sent to a
server of their own. What counts is the origin: a source's other paths see them anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from runs.connectors import ApiSpec, Placeholder, SpecError, located, origins, parse_integration
from runs.errors import Failure
from runs.models import AccountStatus, AccountToken, IntegratedAccount, Integration
from runs.services.audit import note

AT_ONCE = 500
EVERY_REQUEST = ("base_url", "headers", "authorization")


def leads_elsewhere(old_config: Any, old: Mapping[str, Any], new_config: Any, new: Mapping[str, Any]) -> bool:
    """Whether an account's credentials would go to other origins than before. They have not gone anywhere yet where
    the address was not complete."""
    return _leads_elsewhere(_spec(old_config), old, _spec(new_config), new)


def redirected(
    account: IntegratedAccount, old_config: Any, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Failure]]:
    """The account's context with what is given, and what is missing in that.

    If it leads elsewhere than by the config before, it holds nothing else, and what the integration asks for has to be
    among it.
    """
    config, stored = account.integration.config, account.context
    merged = {**stored, **given}
    if not leads_elsewhere(old_config, stored, config, merged):
        return merged, []
    asked = {path.split(".")[0] for path in context_paths(config)}
    message = "must be given anew: the account leads to another address, and its credentials are not sent there."
    return dict(given), [Failure(f"context.{key}", message) for key in stored if key in asked and key not in given]


def drop_redirected(integration: Integration, old_config: Any) -> None:
    """Take the credentials from the accounts that the integration's new config leads elsewhere: they need new ones."""
    before, now = _spec(old_config), _spec(integration.config)
    tokens = AccountToken.objects.filter(account=OuterRef("pk"))
    rows = IntegratedAccount.objects.live().filter(integration=integration).select_for_update(of=("self",))
    for account in rows.annotate(has_token=Exists(tokens)).order_by("id").iterator(AT_ONCE):
        context = account.context
        if (context or account.has_token) and _leads_elsewhere(before, context, now, context):
            account.context, account.status = {}, AccountStatus.NEEDS_REAUTH
            account.save(update_fields=["context", "status", "updated_at"])
            AccountToken.objects.filter(account=account.id).delete()
            note("account.credentials_drop", account, keys=sorted(context))


def context_paths(config: Any) -> Iterator[str]:
    """The values of an account's context that the config uses: `token`, `app.secret`."""
    for placeholder in located(config):
        yield from _of_context(placeholder)


def needed_paths(config: Any) -> Iterator[str]:
    """Those of them without which no request can be made: nothing else stands in for them in the address, the headers
    or the authorization."""
    every_request = [config.get(key) for key in EVERY_REQUEST] if isinstance(config, Mapping) else []
    for placeholder in located(every_request):
        if len(placeholder.paths) == 1 and not placeholder.default and "undefined" not in placeholder.types:
            yield from _of_context(placeholder)


def _of_context(placeholder: Placeholder) -> Iterator[str]:
    for path in placeholder.paths:
        root, *keys = path.split(".")
        if root == "context" and keys and not any(key.isdigit() for key in keys):
            yield ".".join(keys)


def _leads_elsewhere(
    old_spec: ApiSpec | None, old: Mapping[str, Any], new_spec: ApiSpec | None, new: Mapping[str, Any]
) -> bool:
    before = origins(old_spec, old) if old_spec else frozenset()
    return bool(before) and before != (origins(new_spec, new) if new_spec else frozenset())


def _spec(config: Any) -> ApiSpec | None:
    try:
        return parse_integration(config)
    except SpecError:
        return None
