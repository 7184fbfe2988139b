"""An account is let in by a person, in a browser: sent to the provider with a state, and back with a code (RFC 6749,
section 4.1; RFC 9700).

The state is random and serves once, for the person and the session that it was made for, for ten minutes. Nothing is
sent to the provider within a transaction, and nothing is stored before the token is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Self
from urllib.parse import urlsplit

from django.db import transaction

from runs.connectors import (
    AuthenticationFailed,
    Challenge,
    Grant,
    OAuth2,
    RateLimited,
    RequestFailed,
    SpecError,
    Token,
    authorization_url,
    check_issuer,
    exchange_code,
    masked_start,
    masking,
    parse_integration,
)
from runs.engine.caps import bounds, private_hosts
from runs.engine.token_store import AccountTokens
from runs.errors import InvalidInput, NotConnected
from runs.models import AccountStatus, AuthorizationRequest, IntegratedAccount, Integration, User
from runs.models.base import Now
from runs.models.environment import digest_of
from runs.services.audit import changes_between, note
from runs.services.saving import locked

LIFETIME = timedelta(minutes=10)
SECONDS = 10.0  # for the token request: a person waits
BOUNDS = {"tries": 1, "longest_wait": 0.0, "page_seconds": SECONDS, "total_seconds": SECONDS}
LONGEST_CODE = 4_096
LONGEST_TOLD = 200
UNEXPECTED = "Nobody waits for this answer: it was asked for too long ago, elsewhere, or has come before. Begin again."
# RFC 6749, section 4.1.2.1
_REFUSALS = {
    "access_denied": "Access was denied at the provider.",
    "invalid_request": "The provider does not understand the request.",
    "unauthorized_client": "The provider does not let this client connect accounts in a browser.",
    "unsupported_response_type": "The provider does not give authorization codes.",
    "invalid_scope": "The provider does not know the scope that the integration asks for, or does not grant it.",
    "server_error": "Something has gone wrong at the provider.",
    "temporarily_unavailable": "The provider is too busy at the moment.",
}


@dataclass(frozen=True)
class Consent:
    """What a person is asked before being sent on: who will ask them, and for what."""

    host: str
    scope: str


@dataclass(frozen=True, repr=False)
class AuthorizationAnswer:
    """What came back from the provider, by way of the person's browser. All of it is hostile."""

    state: str
    code: str
    error: str
    description: str
    issuer: str

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> Self:
        """Of a query. A parameter that comes more than once (RFC 6749, section 3.1) makes it nobody's answer."""
        if any(len(values) > 1 for values in parameters.values()):
            return cls("", "", "", "", "")
        names = ("state", "code", "error", "error_description", "iss")
        return cls(*("".join(parameters.get(name, ())) for name in names))


@dataclass(frozen=True)
class Connected:
    """The account as it is now. `lasts`: its access can be renewed, or has no end that was told."""

    account: IntegratedAccount
    lasts: bool


def consent_of(integration: Integration) -> OAuth2 | None:
    """The authorization of an integration whose accounts are connected in a browser; None for every other one."""
    try:
        authorization = parse_integration(integration.config).authorization
    except SpecError:
        return None
    return authorization if isinstance(authorization, OAuth2) and authorization.needs_consent else None


def basis_of(authorization: OAuth2, context: Mapping[str, Any]) -> str | None:
    """What a token of the account hangs on; None where the account has no value for some of it."""
    try:
        return authorization.filled({"context": context}).basis
    except AuthenticationFailed:
        return None


def consent(account: IntegratedAccount) -> Consent:
    """Raises NotConnected where the account lacks what the provider has to be told, or nobody may be sent there."""
    _, grant = _grant(account)
    url = _way_there(account, Challenge.drawn(""))
    return Consent(urlsplit(url).hostname or "", grant.scope)


def begin_authorization(account: IntegratedAccount, person: User, session_key: str, redirect_uri: str) -> str:
    """The address to send the person to, who has to be back at `redirect_uri`, in this session, in ten minutes.

    Raises NotConnected.
    """
    _, grant = _grant(account)
    challenge = Challenge.drawn(redirect_uri)
    url = _way_there(account, challenge)
    forget_old()
    kept: Any = {"verifier": challenge.verifier, "redirect_uri": redirect_uri, "basis": grant.basis}
    AuthorizationRequest.objects.create(
        account=account,
        person=person,
        session_digest=digest_of(session_key),
        state_digest=digest_of(challenge.state),
        kept=kept,
        expires_at=Now() + LIFETIME,
    )
    return url


def finish_authorization(answer: AuthorizationAnswer, person: User, session_key: str) -> Connected:
    """Exchange the code that came back for a token; the account is active then.

    Raises NotConnected for an answer that was not asked for, not by this person in this session, or not with these
    credentials of the account; and where the provider or the person has refused.
    """
    request = _taken(answer.state)
    account = request.account
    try:
        _check_person(request, person, session_key)
        with masking():
            token = _token(request, answer)
        return _connected(request, token)
    except NotConnected as refusal:
        note("account.connect_refused", account, why=refusal.code)
        raise


def forget_old() -> None:
    """Remove the requests from which nobody has come back in time."""
    AuthorizationRequest.objects.filter(expires_at__lte=Now()).delete()


def _taken(state: str) -> AuthorizationRequest:
    """The request with this state, which nobody finds again. Looked up by a hash, so no comparison leaks time."""
    waiting = AuthorizationRequest.objects.select_related("account__integration", "account__environment")
    request = waiting.filter(state_digest=digest_of(state), expires_at__gt=Now()).first() if state else None
    if request is None or not AuthorizationRequest.objects.filter(pk=request.pk).delete()[0]:
        raise NotConnected("unexpected", UNEXPECTED)
    return request


def _check_person(request: AuthorizationRequest, person: User, session_key: str) -> None:
    same_session = compare_digest(request.session_digest, digest_of(session_key))
    if request.person_id != person.pk or not same_session:
        raise NotConnected("other_session", UNEXPECTED)
    if not person.visible_environments().filter(pk=request.account.environment_id).exists():
        raise NotConnected("not_visible", UNEXPECTED)


def _token(request: AuthorizationRequest, answer: AuthorizationAnswer) -> Token:
    account, kept = request.account, request.kept
    authorization, grant = _grant(account)
    with _in_plain_words(account):
        check_issuer(authorization, account.context, answer.issuer)
        if answer.error:
            raise _refusal(account, answer)
        if not 0 < len(answer.code) <= LONGEST_CODE:
            raise _not(account, "no_code", "The provider's answer holds neither a code nor an error.")
        if grant.basis != kept["basis"]:
            raise _changed(account)
        challenge = Challenge(answer.state, kept["verifier"], kept["redirect_uri"])
        return exchange_code(grant, answer.code, challenge, private=private_hosts(), bounds=bounds(**BOUNDS))


@transaction.atomic
def _connected(request: AuthorizationRequest, token: Token) -> Connected:
    """Keep the token, unless the account has gone, or what the token hangs on is another thing now."""
    try:
        row = locked(request.account)
    except InvalidInput as error:
        raise _not(request.account, "deleted", "The account has been deleted meanwhile.") from error
    _, grant = _grant(row)
    if grant.basis != token.basis:
        raise _changed(row)
    before = {"status": row.status}
    AccountTokens(row.id).put(token)
    row.status, row.rate_limited_until = AccountStatus.ACTIVE, None
    row.save(update_fields=["status", "rate_limited_until", "updated_at"])
    note("account.connect", row, changes=changes_between(before, {"status": AccountStatus.ACTIVE.value}))
    return Connected(row, bool(token.refresh_token) or token.expires_at is None)


def _grant(account: IntegratedAccount) -> tuple[OAuth2, Grant]:
    authorization = consent_of(account.integration)
    if authorization is None:
        raise _not(account, "definition", "The integration does not describe how its accounts are connected.")
    with _in_plain_words(account):
        return authorization, authorization.filled({"context": account.context})


def _way_there(account: IntegratedAccount, challenge: Challenge) -> str:
    authorization, _ = _grant(account)
    with _in_plain_words(account):
        return authorization_url(authorization, account.context, challenge, private_hosts())


@contextmanager
def _in_plain_words(account: IntegratedAccount) -> Iterator[None]:
    """Raises NotConnected for what goes wrong on the way to the provider, in the connector's own words."""
    try:
        yield
    except RateLimited as limit:
        message = f"The provider takes no more requests for {limit.seconds:.0f} s."
        raise _not(account, "rate_limited", message) from limit
    except RequestFailed as failed:
        raise _not(account, failed.code, failed.message) from failed


def _refusal(account: IntegratedAccount, answer: AuthorizationAnswer) -> NotConnected:
    """What the provider says is told as its own words, whoever it may be."""
    if answer.error in _REFUSALS:
        code, message = answer.error, _REFUSALS[answer.error]
    else:
        code, message = "refused", f"The provider refuses ({_told(answer.error)})."
    said = _told(answer.description)
    return _not(account, code, f"{message} It says: “{said}”" if said else message)


def _told(text: str) -> str:
    """The beginning of a stranger's text, on one line and without what looks like a secret."""
    return " ".join(masked_start("".join(c if c.isprintable() else " " for c in text), LONGEST_TOLD).split())


def _changed(account: IntegratedAccount) -> NotConnected:
    return _not(account, "changed", "What the account is connected with was changed meanwhile. Begin again.")


def _not(account: IntegratedAccount, code: str, message: str) -> NotConnected:
    return NotConnected(code, message, account.pk)
