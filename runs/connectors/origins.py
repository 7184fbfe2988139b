"""Where an account's credentials are sent: the origins of the API and of the endpoint that gives tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runs.connectors.address_guard import AddressRefused, parse_url
from runs.connectors.errors import MissingValue
from runs.connectors.oauth2 import OAuth2
from runs.connectors.request import filled_address
from runs.connectors.spec import ApiSpec

Origin = tuple[str, str, int | None]


def origins(spec: ApiSpec, context: Mapping[str, Any]) -> frozenset[Origin]:
    """Scheme, host and port (RFC 6454) of each that the context has the values for."""
    of_tokens = [spec.authorization.token_url] if isinstance(spec.authorization, OAuth2) else []
    found = (_origin(address, context) for address in (spec.base_url, *of_tokens))
    return frozenset(origin for origin in found if origin is not None)


def _origin(address: str, context: Mapping[str, Any]) -> Origin | None:
    try:
        url = parse_url(filled_address(address, {"context": context}))
    except (MissingValue, AddressRefused):
        return None
    return url.scheme, url.host, url.port
