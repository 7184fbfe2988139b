"""Sharing an account's requests in flight among its runs, in whatever process or host they are.

Guarantee: the shares of an account's held runs never sum above the integration's `concurrency`. A share grows under the
lock of the account's row, by what is free; it shrinks by lowering the run's gate first and writing the lower share when
no more than that is in flight. A lost daemon's share is free when its lease ends.

Everyone computes the same fair parts from the same rows, so those who have too much give back what others lack, and
nothing is left lying while a run could use it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import IntegerField, QuerySet, UUIDField

from runs.engine.claim import Claim, owned_by
from runs.engine.gate import Gate
from runs.models import IntegratedAccount, SyncJobRun
from runs.models.base import Now
from runs.prepared import Given, PreparedRead, PreparedUpdate

USUAL = 1.0  # seconds between two looks at the other runs
HASTE = 0.2  # while this run has more than its part, or less


def fair_parts(total: int, wishes: Mapping[UUID, int]) -> dict[UUID, int]:
    """`total` divided as evenly as the wishes allow; what nobody wishes for is divided evenly too, for what may come.

    The order of the ids decides who gets one more. They are lease tokens, drawn anew for each slice: where there are
    more runs than requests, each comes to its turn.
    """
    parts = dict.fromkeys(sorted(wishes), 0)
    _fill(parts, total, wishes)
    _fill(parts, total, dict.fromkeys(parts, total))
    return parts


def _fill(parts: dict[UUID, int], total: int, bounds: Mapping[UUID, int]) -> None:
    left = total - sum(parts.values())
    while left and (hungry := [key for key in parts if parts[key] < bounds[key]]):
        for key in hungry[:left]:
            parts[key] += 1
        left -= len(hungry[:left])


@dataclass(frozen=True)
class _Other:
    """Another held run of the account."""

    token: UUID
    share: int
    wish: int


def _held() -> QuerySet[SyncJobRun]:
    """The runs of the account that are held."""
    held = SyncJobRun.objects.filter(integrated_account=Given("account", UUIDField()), lease_token__isnull=False)
    return held.filter(lease_until__gte=Now())


_LOCK = PreparedRead(
    lambda: (
        IntegratedAccount.objects.select_for_update(no_key=True)
        .filter(id=Given("account", UUIDField()))
        .order_by()
        .values_list("id")
    )
)
_HELD = PreparedRead(lambda: _held().order_by().values_list("lease_token", "request_share", "request_wish"))
_WRITE = PreparedUpdate(
    lambda: owned_by(Given("run", UUIDField()), Given("token", UUIDField())),
    request_share=Given("share", IntegerField()),
    request_wish=Given("wish", IntegerField()),
)


class Budget:
    """One run's share, kept in its row and in its gate."""

    def __init__(self, claim: Claim, account_id: UUID, concurrency: int, gate: Gate) -> None:
        self._claim = claim
        self._account_id = account_id
        self._total = concurrency
        self._gate = gate
        self._gate.set(0, 0.0)  # until the first look
        self._share = 0
        self._wish = 0
        self._written: tuple[int, int] | None = None
        self._ours_until = 0.0
        self._next_look = 0.0

    def look(self) -> None:
        """Take or give back, where that is due. To be called often, and while the lease is kept.

        Raises LeaseLost or StopRequested.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        if now > self._ours_until:  # the lease may have ended meanwhile, and others may have taken the share
            self._share, self._written = self._gate.set(0, now), None
        self._ours_until = now + settings.LEASE_SECONDS / 2  # it is renewed whenever a third of it is over
        part = self._begun() if self._written is None else self._adjusted()
        usual = min(USUAL, settings.LEASE_SECONDS / 6)
        self._next_look = now + (usual if self._share == part else HASTE)

    def _begun(self) -> int:
        """Take what is free of this run's part, and tell the part. Nothing is known yet, so all is asked at once."""
        with self._locked():
            others = self._others()
            part = self._part(others)
            self._write(max(self._share, self._free(part, others)))
        self._gate.set(self._share, self._ours_until)
        return part

    def _adjusted(self) -> int:
        others = self._others()
        part = self._part(others)
        if part < self._share:
            self._give_back(part)
        else:
            self._take(part, others)
        return part

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with transaction.atomic():
            _LOCK.rows(account=self._account_id)
            yield

    def _others(self) -> list[_Other]:
        found = _HELD.rows(account=self._account_id)
        return [_Other(token, share, wish) for token, share, wish in found if token != self._claim.token]

    def _part(self, others: list[_Other]) -> int:
        """What this run should have. While it is alone it wishes for everything, so that its row needs no writing."""
        self._wish = min(self._gate.wanted, self._total) if others else self._total
        wishes = {self._claim.token: self._wish, **{other.token: other.wish for other in others}}
        return fair_parts(self._total, wishes)[self._claim.token]

    def _give_back(self, part: int) -> None:
        self._write(max(part, self._gate.set(part, self._ours_until)))

    def _take(self, part: int, others: list[_Other]) -> None:
        if self._free(part, others) > self._share or self._written != (self._share, self._wish):
            with self._locked():
                self._write(max(self._share, self._free(part, self._others())))
        self._gate.set(self._share, self._ours_until)

    def _free(self, part: int, others: list[_Other]) -> int:
        """As much of the part as the others have left."""
        return min(part, self._total - sum(other.share for other in others))

    def _write(self, share: int) -> None:
        if self._written == (share, self._wish):
            return
        if not _WRITE(run=self._claim.run_id, token=self._claim.token, share=share, wish=self._wish):
            self._claim.give_up()
        self._share, self._written = share, (share, self._wish)
