"""The request to a token endpoint, and what it answers (RFC 6749, sections 2.3.1, 4.1.3, 4.4, 5 and 6; RFC 7636)."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

from runs.connectors.errors import AuthenticationFailed, RequestFailed
from runs.connectors.oauth2 import CODE, Grant
from runs.connectors.pagination import Parts
from runs.connectors.rate_limit import LimitTold, RateLimit
from runs.connectors.reply import Reply
from runs.connectors.request import USER_AGENT, Outgoing
from runs.connectors.response import check_status, parse_body
from runs.connectors.tokens import Token

MARGIN = 60.0  # seconds before its end from which on a token is not used: a request takes its time to arrive
LONGEST_LIFE = 10 * 365 * 86_400.0
LONGEST_TOKEN = 16_384
ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
_DESCRIPTION = 200


def renewal(grant: Grant, refresh_token: str) -> dict[str, str]:
    """What a token is asked for with. Where a person has consented, that is to all that was granted then: a scope is
    not named again, as one that the config has got since would be refused (section 6)."""
    form = {"grant_type": "refresh_token" if grant.kind == CODE else grant.kind}
    if form["grant_type"] == "refresh_token":
        form["refresh_token"] = refresh_token
    if grant.scope and grant.kind != CODE:
        form["scope"] = grant.scope
    return form


def code_exchange(code: str, verifier: str, redirect_uri: str) -> dict[str, str]:
    """What the first token is asked for with, once a person has consented."""
    return {"grant_type": CODE, "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}


def token_request(grant: Grant, asked: Mapping[str, str], auth_style: str) -> Outgoing:
    """The request for a token. A client without a secret names itself in the body, whatever the style."""
    form = dict(asked)
    headers = {
        "Accept": "application/json",
        "User-Agent": USER_AGENT,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    if not grant.client_secret:
        form["client_id"] = grant.client_id
    elif auth_style == "body":
        form |= {"client_id": grant.client_id, "client_secret": grant.client_secret}
    else:
        headers["Authorization"] = _basic(grant)
    return Outgoing("POST", grant.token_url, headers, urlencode(form).encode(), Parts(), base_url=grant.token_url)


def _basic(grant: Grant) -> str:
    """Both are form-encoded first (section 2.3.1), so that a colon in them does no harm."""
    pair = f"{quote_plus(grant.client_id)}:{quote_plus(grant.client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def read_token(reply: Reply, grant: Grant, asked_with: str, auth_style: str, now: datetime) -> Token:
    """The token in the reply (section 5.1); `asked_with` is the refresh token, which lasts unless a new one is given.

    `token_type` is not looked at: providers name their own kinds of bearer tokens. Raises AuthenticationFailed for a
    refusal (section 5.2), RequestFailed for a failure of the moment, LimitTold.
    """
    if RateLimit().is_limit(reply, now):
        raise LimitTold(reply)
    if 400 <= reply.status_code < 500:
        raise _refusal(reply)
    check_status(reply)
    answer = _object(parse_body(reply))
    value = answer.get("access_token")
    if not isinstance(value, str) or not _can_be_sent(value):
        message = "The token endpoint's answer holds no access_token that can be sent."
        raise RequestFailed("bad_token_answer", message, status_code=reply.status_code, permanent=False)
    rotated = answer.get("refresh_token")
    return Token(
        value=value,
        expires_at=_end(answer.get("expires_in"), now),
        refresh_token=rotated if isinstance(rotated, str) and rotated else asked_with or None,
        auth_style=auth_style,
        basis=grant.basis,
    )


def _can_be_sent(token: str) -> bool:
    return 0 < len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()


def _object(body: Any) -> Mapping[str, Any]:
    return body if isinstance(body, Mapping) else {}


def _end(expires_in: Any, now: datetime) -> str | None:
    """When the token must not be used any more. Some providers send the seconds as a text; nonsense is no word."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    seconds = min(seconds, LONGEST_LIFE)
    return (now + timedelta(seconds=seconds - min(MARGIN, seconds / 2))).isoformat()


def _refusal(reply: Reply) -> AuthenticationFailed:
    """In the words of the token endpoint, where it says them in the way of section 5.2."""
    told = _told(reply)
    error, description = told.get("error"), told.get("error_description")
    code = error if isinstance(error, str) and error in ERRORS else "token_refused"
    why = error if isinstance(error, str) else f"{reply.status_code} {reply.reason}".strip()
    words = f": {description[:_DESCRIPTION]}" if isinstance(description, str) and description else ""
    message = f"The token endpoint refuses the account's credentials ({why[:_DESCRIPTION]}){words}."
    return AuthenticationFailed(code, message, status_code=reply.status_code, excerpt=reply.excerpt)


def _told(reply: Reply) -> Mapping[str, Any]:
    try:
        return _object(parse_body(reply))
    except RequestFailed:
        return {}
