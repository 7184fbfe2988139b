"""The access token of one account: kept, renewed when it is worn out or refused, and never by two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self

from runs.connectors.errors import AuthenticationFailed
from runs.connectors.oauth2 import AUTH_STYLES, CODE, Grant
from runs.connectors.request import Outgoing

LOOK_AGAIN = 0.25  # seconds between two looks at whether another has brought the new token


@dataclass(frozen=True)
class Token:
    """An access token, and what the next request for one needs. As JSON it is for an encrypted place only."""

    value: str = field(repr=False)
    expires_at: str | None  # ISO 8601; None: the source has not said
    refresh_token: str | None = field(repr=False)
    auth_style: str
    basis: str = field(repr=False)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**stored)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def secrets(self) -> set[str]:
        return {secret for secret in (self.value, self.refresh_token) if secret}

    def is_worn(self, now: datetime) -> bool:
        return self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= now

    def signed(self, outgoing: Outgoing) -> Outgoing:
        """The request with the token (RFC 6750, section 2.1)."""
        return outgoing.with_headers({"Authorization": f"Bearer {self.value}"})


class TokenStore(Protocol):
    """Where an account's token is kept for all who work for it, in whatever thread, process or host."""

    def load(self) -> Token | None:
        """The token that is kept, worn out or not."""
        ...

    def renew(self, ask: Callable[[Token | None], Token]) -> Token | None:
        """Call `ask` with the kept token, keep what it returns, and return that; None, uncalled, while another asks.

        Who asks for longer than a token request may take is overtaken. Raises what `ask` raises.
        """
        ...


class Ask(Protocol):
    """One token request: with which refresh token (of the client credentials: none), and which style."""

    def __call__(self, grant: Grant, refresh_token: str, auth_style: str) -> Token: ...


class Tokens:
    """The token as one client uses it. Threads may ask side by side; one of them deals with the store.

    Guarantee: for one worn-out or refused token all clients of the account together make one token request.
    """

    def __init__(
        self,
        grant: Callable[[], Grant],
        store: TokenStore,
        ask: Ask,
        *,
        wait: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._grant = grant
        self._store = store
        self._ask = ask
        self._wait = wait
        self._now = now
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self, refused: Token | None = None) -> Token:
        """A token that is not worn out, and not the one that the source has refused.

        Raises AuthenticationFailed where none is given for the account's credentials, RequestFailed where the token
        endpoint fails for the moment, RateLimited, and whatever `wait` raises.
        """
        with self._lock:
            grant = self._grant()
            if self._token is None or not self._serves(self._token, grant, refused):
                self._token = self._fresh(grant, refused)
            return self._token

    def _fresh(self, grant: Grant, refused: Token | None) -> Token:
        def renewed(kept: Token | None) -> Token:
            """What came between the look and the right to ask is as good as an own one."""
            if kept is not None and self._serves(kept, grant, refused):
                return kept
            return self._asked(grant, kept if kept and kept.basis == grant.basis else None)

        while True:
            kept = self._store.load()
            if kept is not None and self._serves(kept, grant, refused):
                return kept
            token = self._store.renew(renewed)
            if token is not None:
                return token
            self._wait(LOOK_AGAIN)

    def _serves(self, token: Token, grant: Grant, refused: Token | None) -> bool:
        if token.basis != grant.basis or token.is_worn(self._now()):
            return False
        return refused is None or token.value != refused.value

    def _asked(self, grant: Grant, before: Token | None) -> Token:
        """A new token. A refresh token that the source has rotated stands in for the configured one (section 6)."""
        refresh_token = (before and before.refresh_token) or grant.refresh_token
        if grant.kind == CODE and not refresh_token:
            raise _without_consent(before)
        return in_either_style(grant, before.auth_style if before else None, partial(self._ask, grant, refresh_token))


def in_either_style(grant: Grant, last: str | None, ask: Callable[[str], Token]) -> Token:
    """What `ask` returns for where the client's credentials go: as the grant says, else as it was `last`, else first in
    the header and, where that is refused, in the body. A client without a secret has one place alone.

    Raises what `ask` raises.
    """
    style = grant.auth_style or last or AUTH_STYLES[0]
    try:
        return ask(style)
    except AuthenticationFailed as refusal:
        if grant.auth_style or not grant.client_secret or not _is_of_client(refusal):
            raise
    [other] = set(AUTH_STYLES) - {style}
    return ask(other)


def _without_consent(before: Token | None) -> AuthenticationFailed:
    if before is None:
        return AuthenticationFailed("not_connected", "Nobody has connected the account in a browser yet.")
    message = "The access has ended, and the provider gave nothing to renew it with: connect the account again."
    return AuthenticationFailed("no_refresh_token", message)


def _is_of_client(refusal: AuthenticationFailed) -> bool:
    """Whether it is the client that was not recognised, which may be for the place of its credentials."""
    return refusal.code == "invalid_client" or refusal.status_code == 401
