"""An account as a line of the board: how fresh its data is, how its last days were, and what is under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dashboard.day_strip import DayStrip, day_strips
from dashboard.marks import Mark, account_mark, ending_mark, punctuality_mark, run_mark
from runs.models import AccountFreshness, AccountStatus, IntegratedAccount, SyncJobRun
from runs.punctuality import judged

MOST_LIVE = 500  # of all accounts of a page: each line shows one, and how many more there are


@dataclass(frozen=True)
class LiveRun:
    """The newest live run of an account. `others`: how many there are beside it."""

    run: SyncJobRun
    mark: Mark
    others: int


@dataclass(frozen=True)
class AccountLine:
    """`freshness` is None for an account that no run has ended for, `next_slot` where nothing is scheduled."""

    account: IntegratedAccount
    mark: Mark
    freshness: AccountFreshness | None
    last_mark: Mark | None
    strip: DayStrip
    live: LiveRun | None
    next_slot: datetime | None


def account_lines(accounts: Sequence[IntegratedAccount], now: datetime) -> list[AccountLine]:
    """The lines of these accounts, in three queries: for the schedules, the days and the live runs of all of them."""
    ids = [account.pk for account in accounts]
    schedules, strips, live = _schedules(ids, now), day_strips(ids, now), _live_runs(ids, now)
    return [_line(account, schedules[account.pk], strips[account.pk], live.get(account.pk)) for account in accounts]


def state_mark(account: IntegratedAccount, schedules: Iterable[Any]) -> Mark:
    """What there is to say of the account first: that nothing can run for it, else whether its data is on time."""
    if account.status != AccountStatus.ACTIVE:
        return account_mark(account)
    return punctuality_mark(schedule.punctuality for schedule in schedules)


def freshness_of(account: IntegratedAccount) -> AccountFreshness | None:
    """The row that was read with the account, if there is one."""
    return getattr(account, "freshness", None)


def _line(account: IntegratedAccount, schedules: list[Any], strip: DayStrip, live: LiveRun | None) -> AccountLine:
    freshness = freshness_of(account)
    return AccountLine(
        account=account,
        mark=state_mark(account, schedules),
        freshness=freshness,
        last_mark=ending_mark(freshness.last_ending) if freshness and freshness.last_ending else None,
        strip=strip,
        live=live,
        next_slot=min((one.next_run_at for one in schedules if one.next_run_at), default=None),
    )


def _schedules(accounts: list[UUID], now: datetime) -> dict[UUID, list[Any]]:
    by_account: dict[UUID, list[Any]] = defaultdict(list)
    found = judged(now).filter(integrated_account__in=accounts)
    for schedule in found.only("integrated_account_id", "next_run_at"):
        by_account[schedule.integrated_account_id].append(schedule)
    return by_account


def _live_runs(accounts: list[UUID], now: datetime) -> dict[UUID, LiveRun]:
    runs = SyncJobRun.objects.live().filter(integrated_account__in=accounts).order_by("-created_at", "-id")
    by_account: dict[UUID, list[SyncJobRun]] = defaultdict(list)
    for run in runs.defer("args", "resources", "error")[:MOST_LIVE]:
        by_account[run.integrated_account_id].append(run)
    return {account: LiveRun(runs[0], run_mark(runs[0], now), len(runs) - 1) for account, runs in by_account.items()}
