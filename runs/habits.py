"""What is usual: what the last completed runs say of the time and the records that a run like them takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from math import ceil, floor
from operator import or_
from uuid import UUID

from django.db.models import Q

from runs.models import RunHabit, RunMode, SyncJobRun

SAMPLES_KEPT = 20
LEAST_SAMPLES = 5  # fewer say nothing of what is usual
WIDEST = 3.0  # beyond it, times differ too much for a time that is left to be believed

HabitKey = tuple[UUID, UUID, str]


def low(values: Sequence[float], share: float) -> float:
    """The value that at most this share of them is below: one that was seen, not one in between."""
    return sorted(values)[floor(share * (len(values) - 1))]


def high(values: Sequence[float], share: float) -> float:
    """The value that at least this share of them does not exceed."""
    return sorted(values)[ceil(share * (len(values) - 1))]


@dataclass(frozen=True)
class Estimate:
    """How a run that is at work compares. `left`: about how long it still takes, None where that can't be said."""

    usual: Usual
    left: timedelta | None
    is_longer: bool


@dataclass(frozen=True)
class Usual:
    """The times and records of the last completed runs of one job, account and mode.

    `shortest` and `longest` leave out a tenth at either end; 95 in 100 took at most `limit`.
    """

    sample_count: int
    median: timedelta
    shortest: timedelta
    longest: timedelta
    limit: timedelta
    fetched: int

    @classmethod
    def of(cls, habit: RunHabit) -> Usual | None:
        """None while there are too few samples."""
        if habit.sample_count < LEAST_SAMPLES:
            return None
        return cls(
            sample_count=habit.sample_count,
            median=timedelta(seconds=habit.median_seconds),
            shortest=timedelta(seconds=habit.p10_seconds),
            longest=timedelta(seconds=habit.p90_seconds),
            limit=timedelta(seconds=habit.p95_seconds),
            fetched=habit.median_fetched,
        )

    def estimate(self, run: SyncJobRun, now: datetime) -> Estimate | None:
        """Of a run that is at work; None of any other. What is left is never below zero: it is no longer told then."""
        elapsed = run.elapsed(now)
        if elapsed is None or not run.is_live:
            return None
        left = self.median - elapsed
        told = left > timedelta(0) and self.longest <= WIDEST * self.shortest
        return Estimate(self, left if told else None, self.is_exceeded_by(elapsed))

    def is_exceeded_by(self, took: timedelta) -> bool:
        """Whether that is longer than usual."""
        return took > self.limit


def usual_of(runs: Iterable[SyncJobRun]) -> dict[UUID, Usual]:
    """Per run's id, what is usual for a run like it; those without enough samples are left out. One query."""
    runs = list(runs)
    by_key = _usual_by_key({_key(run) for run in runs})
    return {run.pk: by_key[_key(run)] for run in runs if _key(run) in by_key}


def usual_for(job_id: UUID, account_id: UUID, mode: RunMode) -> Usual | None:
    """What is usual for runs of this job and account in this mode; None without enough samples."""
    key = (job_id, account_id, mode.value)
    return _usual_by_key({key}).get(key)


def _key(run: SyncJobRun) -> HabitKey:
    return run.sync_job_id, run.integrated_account_id, run.mode.value


def _usual_by_key(keys: set[HabitKey]) -> dict[HabitKey, Usual]:
    if not keys:
        return {}
    habits = RunHabit.objects.filter(reduce(or_, _conditions(keys))).order_by().defer("samples")
    found = {(habit.sync_job_id, habit.integrated_account_id, habit.mode): Usual.of(habit) for habit in habits}
    return {key: usual for key, usual in found.items() if usual is not None}


def _conditions(keys: set[HabitKey]) -> list[Q]:
    """One a job: its accounts among those that are looked for."""
    accounts: dict[UUID, set[UUID]] = {}
    for job_id, account_id, _ in keys:
        accounts.setdefault(job_id, set()).add(account_id)
    return [Q(sync_job=job_id, integrated_account__in=ids) for job_id, ids in accounts.items()]
