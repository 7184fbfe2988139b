"""An account's access token, kept in its row for every run of the account on every host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q

from runs.connectors import Token
from runs.models import AccountToken, IntegratedAccount
from runs.models.base import Now

CLAIM_TIME = timedelta(seconds=90)  # more than a token request takes with all its tries
_FREE = Q(claim=None) | Q(claimed_until__lt=Now())


class AccountTokens:
    """The `TokenStore` of an account. Its methods may be called in any thread.

    Guarantee: one asks at a time. The right to ask is a conditional UPDATE with a random claim, and what was asked for
    is kept only under that claim: one who died is overtaken, and credentials that were replaced meanwhile stay so.
    """

    def __init__(self, account_id: UUID) -> None:
        self._account_id = account_id
        self._rows = AccountToken.objects.filter(account=account_id)

    def load(self) -> Token | None:
        with _briefly_connected():
            return self._kept()

    def renew(self, ask: Callable[[Token | None], Token]) -> Token | None:
        claim = uuid4()
        with _briefly_connected():
            if not self._claimed(claim):
                return None
            kept = self._kept()
        asked: dict[str, Any] = {}
        try:
            token = ask(kept)
            asked["value"] = token.as_json()
        finally:
            with _briefly_connected():
                self._rows.filter(claim=claim).update(**asked, claim=None, claimed_until=None)
        return token

    def put(self, token: Token) -> None:
        """Keep a token that a person has brought. Whoever asks for another one meanwhile keeps nothing of it."""
        values = {"value": token.as_json(), "claim": None, "claimed_until": None}
        AccountToken.objects.update_or_create(account_id=self._account_id, defaults=values)

    def _kept(self) -> Token | None:
        value: Any = self._rows.values_list("value", flat=True).first()
        return None if value is None else Token.from_json(value)

    def _claimed(self, claim: UUID) -> bool:
        """An account that is being deleted must not get a token afterwards, so its row is held meanwhile."""
        accounts = IntegratedAccount.objects.live().filter(id=self._account_id)
        with transaction.atomic():
            if accounts.select_for_update(no_key=True).values_list("id").first() is None:
                return False
            AccountToken.objects.bulk_create([AccountToken(account_id=self._account_id)], ignore_conflicts=True)
            return bool(self._rows.filter(_FREE).update(claim=claim, claimed_until=Now() + CLAIM_TIME))


@contextmanager
def _briefly_connected() -> Iterator[None]:
    """A fetching thread has no connection to the database: the one that it opens here it closes again."""
    was_open = connection.connection is not None
    try:
        yield
    finally:
        if not was_open:
            connection.close()
