"""A person lets an account in, in a browser: OAuth 2.0's authorization code (RFC 6749, section 4.1; RFC 9700) with PKCE
(RFC 7636). The person's way to the provider, and the code that comes back exchanged for a token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from runs.connectors.address_guard import AddressRefused, PrivateHosts, check_url, parse_url
from runs.connectors.attempts import Attempts
from runs.connectors.bounds import Bounds
from runs.connectors.credentials import credential
from runs.connectors.errors import RequestFailed
from runs.connectors.exchange import Exchange
from runs.connectors.oauth2 import Grant, OAuth2, quoted
from runs.connectors.pause import Pause
from runs.connectors.rate_limit import RateLimit
from runs.connectors.receiver import check_target
from runs.connectors.redaction import redactor_at_work
from runs.connectors.reply import Reply
from runs.connectors.telling import redacting
from runs.connectors.token_request import code_exchange, read_token, token_request
from runs.connectors.tokens import Token, in_either_style

STATE_BYTES = 32
VERIFIER_BYTES = 48  # 64 characters; RFC 7636, section 4.1, wants 43 to 128
EXCERPT = 500


@dataclass(frozen=True, repr=False)
class Challenge:
    """What ties a person's way to the provider to the way back. All of it is random, and serves once.

    `state` goes both ways. `verifier` stays here until it is shown to the token endpoint.
    """

    state: str
    verifier: str
    redirect_uri: str

    @classmethod
    def drawn(cls, redirect_uri: str) -> Challenge:
        return cls(secrets.token_urlsafe(STATE_BYTES), secrets.token_urlsafe(VERIFIER_BYTES), redirect_uri)


def authorization_url(
    authorization: OAuth2, context: Mapping[str, Any], challenge: Challenge, private: PrivateHosts
) -> str:
    """Where the person is sent to.

    Raises AuthenticationFailed where the account has no value for something in it, and AddressRefused for an address
    that nobody may be sent to.
    """
    url = _address(authorization, context, private)
    roots = {"context": context}
    own = {
        "state": challenge.state,
        "code_challenge": create_s256_code_challenge(challenge.verifier),
        "code_challenge_method": "S256",
    }
    more = {key: credential(value, roots) for key, value in authorization.authorize_query.items()}
    grant = authorization.filled(roots)
    try:
        made = prepare_grant_uri(
            add_params_to_uri(url, list(more.items())),
            grant.client_id,
            "code",
            redirect_uri=challenge.redirect_uri,
            scope=grant.scope or None,
            **own,
        )
    except ValueError as error:  # Authlib is strict about what a query may be written with
        raise AddressRefused("The query of authorize_url is not a valid one.") from error
    return str(made)


def _address(authorization: OAuth2, context: Mapping[str, Any], private: PrivateHosts) -> str:
    text = authorization.authorize_url
    url = credential(text, {"context": context}, str if text.startswith("{{") else quoted)
    check_target(url, private)
    return url


def check_issuer(authorization: OAuth2, context: Mapping[str, Any], issuer: str) -> None:
    """Whether the answer is of the server that was asked (RFC 9207, section 2.4). Raises RequestFailed if it is not.

    Where the config names no issuer, one that is told has to be of the host of `authorize_url` or `token_url`.
    """
    if authorization.issuer:
        is_known = issuer == authorization.issuer
    else:
        is_known = not issuer or _origin(issuer) in _own_origins(authorization, context)
    if not is_known:
        message = "The answer names another issuer than the provider that was asked."
        raise RequestFailed("wrong_issuer", message)


def _own_origins(authorization: OAuth2, context: Mapping[str, Any]) -> set[object]:
    roots = {"context": context}
    texts = (authorization.authorize_url, authorization.token_url)
    return {_origin(credential(text, roots, str if text.startswith("{{") else quoted)) for text in texts}


def _origin(url: str) -> object:
    """Equal for addresses of one origin; for what is no address, equal to nothing."""
    try:
        parsed = parse_url(url)
    except AddressRefused:
        return object()
    return parsed.scheme, parsed.host, parsed.port


def exchange_code(grant: Grant, code: str, challenge: Challenge, *, private: PrivateHosts, bounds: Bounds) -> Token:
    """The token that the code stands for, by a single request: a code serves once, and one that comes twice can cost
    the token that it has brought (RFC 6749, section 4.1.2).

    Raises AuthenticationFailed where the provider refuses, RequestFailed where it fails, RateLimited.
    """
    redact = redactor_at_work()
    redact.learn({code, challenge.verifier, challenge.state, grant.client_secret})
    asked = code_exchange(code, challenge.verifier, challenge.redirect_uri)
    exchange = Exchange(private=private, page_bytes=bounds.page_bytes, clock=time.monotonic)
    attempts = _attempts(exchange, bounds)

    def ask(auth_style: str) -> Token:
        def read(reply: Reply) -> Token:
            return read_token(reply, grant, "", auth_style, datetime.now(UTC))

        return attempts.ask(token_request(grant, asked, auth_style), read, may_repeat=False)

    try:
        with redacting(redact, EXCERPT, grant.token_url):
            check_url(grant.token_url, private)
            return in_either_style(grant, None, ask)
    finally:
        exchange.close()


def _attempts(exchange: Exchange, bounds: Bounds) -> Attempts:
    """A person waits: nothing is waited for."""
    return Attempts(
        exchange,
        RateLimit(),
        bounds,
        Pause(time.monotonic),
        wait=_do_not_wait,
        on_limit=lambda seconds: None,
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
    )


def _do_not_wait(seconds: float) -> None:
    if seconds:
        raise RequestFailed("timeout", "The provider wants to be waited for.", permanent=False)
