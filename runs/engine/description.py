"""What an integration's API is to one account: its config, and the unified mappings in their layers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from runs.connectors import ApiSpec, Mappings, layered, parse_integration
from runs.models import IntegratedAccount, Integration, UnifiedMapping

MethodName = tuple[str, str]


def described(integration: Integration, account: IntegratedAccount | None = None, entries: Any = None) -> ApiSpec:
    """The API of the integration, with the mappings in force for the account.

    Without an account it has all methods that any account has, for jobs are of no account. With `entries`, the
    `resources` of a job or run, it need have no more than they name. Raises SpecError if the integration's config is
    not valid.
    """
    spec = _parsed(integration.config)
    if entries is not None and not _names_unified(entries):
        return spec
    configs = _environment_layers(integration)
    if account is not None:
        for name, config in override_methods(account.unified_model_override):
            configs[name] = layered(configs.get(name, {}), config)
    else:
        for override in _overrides_of(integration):
            configs = {**dict(override_methods(override)), **configs}
    return replace(spec, mappings=_by_resource(configs))


def _parsed(config: Any) -> ApiSpec:
    """The same text is parsed once: runs come by the thousand, and integrations are few."""
    try:
        return _parsed_text(orjson.dumps(config))
    except TypeError:  # a number that orjson can't write
        return parse_integration(config)


@lru_cache(maxsize=64)
def _parsed_text(config: bytes) -> ApiSpec:
    return parse_integration(json.loads(config))


def _names_unified(entries: Any) -> bool:
    """Whether one may be of the Unified API, whose resources are all named like `crm/contacts`."""
    named = [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return any("/" in name for name in named if isinstance(name, str))


def override_methods(override: Any) -> Iterator[tuple[MethodName, Any]]:
    """The configs in an account's `unified_model_override`: `{model: {resource: {method: {…}}}}`."""
    for model, resources in _items(override):
        for resource, methods in _items(resources):
            for method, config in _items(methods):
                yield (f"{model}/{resource}", method), config


def _environment_layers(integration: Integration) -> dict[MethodName, Any]:
    """The mappings' configs, each with the environment's override laid over it."""
    rows = UnifiedMapping.objects.filter(integration=integration)
    fields = rows.values_list("model", "resource", "method", "config", "override")
    return {(f"{model}/{name}", method): layered(config, own) for model, name, method, config, own in fields}


def _overrides_of(integration: Integration) -> Iterable[Any]:
    accounts = IntegratedAccount.objects.live().filter(integration=integration).exclude(unified_model_override={})
    return accounts.values_list("unified_model_override", flat=True)


def _by_resource(configs: Mapping[MethodName, Any]) -> Mappings:
    mappings: dict[str, dict[str, Any]] = {}
    for (resource, method), config in configs.items():
        mappings.setdefault(resource, {})[method] = config
    return mappings


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []
