"""The runs of one account share what it may have in flight."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from runs.engine.budget import Budget, fair_parts
from runs.engine.claim import Claim, LeaseLost, claim
from runs.engine.gate import Gate
from runs.models import IntegratedAccount, SyncJobRun
from runs.models.run_state import RunStatus
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
TOTAL = 16


class Traffic:
    """What is in flight of all runs together, and the most that ever was."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self.now += count
            self.most = max(self.most, self.now)


class Holder:
    """A run that is held, with its budget, which looks whenever it is told."""

    def __init__(self, account: IntegratedAccount, wanted: int = TOTAL, traffic: Traffic | None = None) -> None:
        self.traffic = traffic or Traffic()
        self.run = factories.run(account=account, force=True)
        held = claim(self.run.id, f"daemon of {self.run.id}")
        assert held is not None
        self.claim: Claim = held
        self.gate = Gate(TOTAL)
        self.gate.wanted = wanted
        self.budget = Budget(self.claim, account.id, TOTAL, self.gate)

    def look(self) -> None:
        self.budget._next_look = 0.0  # time goes by
        self.budget.look()

    @property
    def share(self) -> int:
        return SyncJobRun.objects.values_list("request_share", flat=True).get(id=self.run.id)

    def begin(self, count: int) -> None:
        """So many requests go out, as far as the gate lets them."""
        with self.gate.changed:
            for _ in range(count):
                if self.gate.is_open:
                    self.gate.enter()
                    self.traffic.add(1)

    def end(self, count: int) -> None:
        with self.gate.changed:
            for _ in range(count):
                self.traffic.add(-1)
                self.gate.leave()


@pytest.fixture
def account() -> IntegratedAccount:
    return factories.account()


def settle(*holders: Holder) -> list[int]:
    """The shares, once everyone has looked often enough."""
    for _ in range(3):
        for holder in holders:
            holder.look()
    return [holder.share for holder in holders]


def ids(count: int) -> list[UUID]:
    return [UUID(int=number) for number in range(count)]


@given(st.integers(1, 64), st.lists(st.integers(0, 80), min_size=1, max_size=20))
def test_parts_use_everything_and_give_to_those_who_lack(total: int, wanted: list[int]) -> None:
    wishes = dict(zip(ids(len(wanted)), wanted, strict=True))
    parts = fair_parts(total, wishes)

    assert sum(parts.values()) == total
    lacking = [parts[key] for key in parts if parts[key] < wishes[key]]
    spared = [parts[key] for key in parts if parts[key] > wishes[key]]
    assert not (lacking and spared)
    if lacking:
        assert max(parts.values()) - min(lacking) <= 1


@pytest.mark.parametrize(
    ("wanted", "parts"), [([16], [16]), ([1], [16]), ([16, 16, 16], [6, 5, 5]), ([1, 16], [1, 15]), ([0, 0], [8, 8])]
)
def test_examples_of_parts(wanted: list[int], parts: list[int]) -> None:
    assert list(fair_parts(TOTAL, dict(zip(ids(len(wanted)), wanted, strict=True))).values()) == parts


def test_a_run_alone_has_all_and_writes_it_once(account: IntegratedAccount, django_assert_num_queries: Any) -> None:
    holder = Holder(account, wanted=1)
    holder.look()
    assert holder.share == TOTAL
    holder.gate.wanted = TOTAL
    with django_assert_num_queries(1):
        holder.look()


def test_a_second_run_gets_its_part_when_the_first_has_given_it_back(account: IntegratedAccount) -> None:
    first, second = Holder(account), Holder(account)
    first.look()
    first.begin(TOTAL)
    second.look()
    assert (first.share, second.share) == (16, 0)

    first.look()
    assert first.share == 16, "sixteen are still in flight"
    second.look()
    assert not second.gate.is_open
    first.end(6)
    first.begin(6)
    assert first.gate.in_flight == 10, "nothing new above its part"
    first.look()
    second.look()
    assert (first.share, second.share) == (10, 6)
    first.end(5)
    assert settle(first, second) == [8, 8]


def test_what_one_can_not_use_another_has(account: IntegratedAccount) -> None:
    listing, fanning_out = Holder(account, wanted=1), Holder(account)
    assert settle(listing, fanning_out) == [1, 15]
    listing.gate.wanted = TOTAL
    assert settle(listing, fanning_out) == [8, 8]


def test_the_share_of_a_run_that_ends_or_goes_back_is_free(account: IntegratedAccount) -> None:
    first, second, third = Holder(account), Holder(account), Holder(account)
    assert sorted(settle(first, second, third)) == [5, 5, 6]
    assert first.claim.finish(RunStatus.COMPLETED, "done")
    assert second.claim.release()
    assert (first.share, second.share, settle(third)) == (0, 0, [16])


def test_the_share_of_a_lost_daemon_is_free_when_its_lease_ends(account: IntegratedAccount) -> None:
    lost, other = Holder(account), Holder(account)
    assert settle(lost, other) == [8, 8]
    SyncJobRun.objects.filter(id=lost.run.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert settle(other) == [16]
    assert claim(lost.run.id, "another") is not None
    assert lost.share == 0
    with pytest.raises(LeaseLost):
        lost.gate.wanted = 3
        lost.look()


def test_a_process_that_was_frozen_counts_anew_what_it_may(account: IntegratedAccount) -> None:
    frozen, other = Holder(account), Holder(account)
    assert settle(frozen, other) == [8, 8]
    SyncJobRun.objects.filter(id=frozen.run.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert settle(other) == [16]
    frozen.claim.hold()
    frozen.budget._ours_until = 0.0  # its clock tells it
    frozen.look()
    assert (frozen.share, frozen.gate.is_open) == (0, False)
    assert settle(other, frozen) == [8, 8]


def test_more_runs_than_requests(account: IntegratedAccount) -> None:
    holders = [Holder(account) for _ in range(TOTAL + 4)]
    assert sorted(settle(*holders)) == [0] * 4 + [1] * TOTAL


def test_other_accounts_do_not_count(account: IntegratedAccount) -> None:
    elsewhere = factories.account(integration=account.integration, tenant_id="other")
    assert settle(Holder(account), Holder(elsewhere)) == [16, 16]


def test_whatever_happens_at_once_the_shares_never_sum_above_the_total(account: IntegratedAccount) -> None:
    traffic, sums = Traffic(), []
    holders = [Holder(account, traffic=traffic) for number in range(5)]

    def live(holder: Holder) -> None:
        chance = random.Random(holder.run.id.int)
        try:
            for _ in range(25):
                holder.gate.wanted = chance.randint(1, TOTAL)
                holder.begin(chance.randint(0, TOTAL))
                holder.look()
                sums.append(SyncJobRun.objects.aggregate(total=Sum("request_share"))["total"])
                holder.end(chance.randint(0, holder.gate.in_flight))
        finally:
            connection.close()

    threads = [threading.Thread(target=live, args=(holder,)) for holder in holders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sums) == 5 * 25
    assert max(sums) <= TOTAL
    assert TOTAL / 2 < traffic.most <= TOTAL
