"""OAuth 2.0 (RFC 6749) as a config describes it: by the program's own credentials, by a refresh token, or by a code
that a person lets it have (`authorization_code.py`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlsplit

from runs.connectors.addresses import address
from runs.connectors.credentials import credential
from runs.connectors.faults import Section

CODE = "authorization_code"
GRANTS = (CODE, "client_credentials", "refresh_token")
AUTH_STYLES = ("header", "body")
# What an authorization request says by itself, and what would change how its answer comes.
OWN_PARAMETERS = frozenset(
    {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"),
        *("response_mode", "request", "request_uri"),
    }
)
quoted = partial(quote, safe="")


@dataclass(frozen=True)
class OAuth2:
    """`authorization.format: oauth2`, described. Its texts may hold placeholders.

    `auth_style` says where the client's credentials go: `header` (HTTP Basic) or `body`. Without it the header is
    tried first and the body where that is refused (RFC 6749, section 2.3.1, allows both).

    Of the grant `authorization_code` alone: `authorize_url` is where a person is sent to, with `authorize_query`
    besides the request's own parameters; `issuer` is what the answer's `iss` has to be (RFC 9207).
    """

    grant: str
    token_url: str
    client_id: str
    client_secret: str
    scope: str
    refresh_token: str
    auth_style: str | None
    authorize_url: str = ""
    authorize_query: Mapping[str, str] = field(default_factory=dict)
    issuer: str = ""

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
            authorize_url=_authorize_url(config, required=grant == CODE),
            authorize_query=_authorize_query(config),
            issuer=config.text("issuer") or "",
        )

    @property
    def needs_consent(self) -> bool:
        """Whether a person has to let the account in, in a browser, before it has a token."""
        return self.grant == CODE

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        """None: the client lays the access token over a request when it is sent, as it may be worn out by then."""
        return {}

    def filled(self, roots: Mapping[str, Any]) -> Grant:
        """What is asked for with these roots. Raises AuthenticationFailed where a credential is missing."""
        return Grant(
            kind=self.grant,
            token_url=credential(self.token_url, roots, str if self.token_url.startswith("{{") else quoted),
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
        """Changes with everything that a token hangs on: one that was got for something else must not be used.

        What a person has consented to belongs to the client (RFC 6749, section 10.4), not to its secret or to a scope
        that is asked for later: nobody has to consent again because a secret was changed.
        """
        of = (self.kind, self.token_url, self.client_id) if self.kind == CODE else astuple(self)
        return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def _authorize_url(config: Section, *, required: bool) -> str:
    url = address(config, "authorize_url", with_query=True, required=required)
    if own := _own(key for key, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)):
        config.fail("authorize_url", f"must not have {own} in its query: Syncdeck sets that itself.")
    return url


def _authorize_query(config: Section) -> dict[str, str]:
    query = config.templates("authorize_query")
    if own := _own(query):
        config.fail("authorize_query", f"must not have {own}: Syncdeck sets that itself.")
    if not all(isinstance(value, str) for value in query.values()):
        config.fail("authorize_query", "must have texts as its values.")
        return {}
    return query


def _own(keys: Iterable[str]) -> str:
    return ", ".join(sorted(OWN_PARAMETERS.intersection(keys)))
