"""OAuth 2.0 for a program that acts by itself (RFC 6749): by its own credentials, or by a refresh token."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any, Self
from urllib.parse import quote

from runs.connectors.addresses import address
from runs.connectors.credentials import credential
from runs.connectors.faults import Section

GRANTS = ("client_credentials", "refresh_token")
AUTH_STYLES = ("header", "body")
_quoted = partial(quote, safe="")


@dataclass(frozen=True)
class OAuth2:
    """`authorization.format: oauth2`, described. Its texts may hold placeholders.

    `auth_style` says where the client's credentials go: `header` (HTTP Basic) or `body`. Without it the header is
    tried first and the body where that is refused (RFC 6749, section 2.3.1, allows both).
    """

    grant: str
    token_url: str
    client_id: str
    client_secret: str
    scope: str
    refresh_token: str
    auth_style: str | None

    @classmethod
    def parse(cls, config: Section) -> Self:
        grant = config.choice("grant", GRANTS) or ""
        return cls(
            grant=grant,
            token_url=address(config, "token_url", with_query=True),
            client_id=config.template("client_id", required=True),
            client_secret=config.template("client_secret", required=grant == "client_credentials"),
            scope=config.template("scope"),
            refresh_token=config.template("refresh_token", required=grant == "refresh_token"),
            auth_style=config.choice("auth_style", AUTH_STYLES) if "auth_style" in config.values else None,
        )

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        """None: the client lays the access token over a request when it is sent, as it may be worn out by then."""
        return {}

    def filled(self, roots: Mapping[str, Any]) -> Grant:
        """What is asked for with these roots. Raises AuthenticationFailed where a credential is missing."""
        return Grant(
            kind=self.grant,
            token_url=credential(self.token_url, roots, str if self.token_url.startswith("{{") else _quoted),
            client_id=credential(self.client_id, roots),
            client_secret=credential(self.client_secret, roots),
            scope=credential(self.scope, roots),
            refresh_token=credential(self.refresh_token, roots) if self.grant == "refresh_token" else "",
            auth_style=self.auth_style,
        )


@dataclass(frozen=True, repr=False)
class Grant:
    """One account's right to an access token."""

    kind: str
    token_url: str
    client_id: str
    client_secret: str
    scope: str
    refresh_token: str
    auth_style: str | None

    @property
    def basis(self) -> str:
        """Changes with everything that a token hangs on: one that was got for something else must not be used."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()
