"""Waits that a source asked for. They hold for the whole account: its other runs would be told the same.

All times are the database's, because the hosts' clocks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import DurationField, ExpressionWrapper, F, Q

from runs.models import IntegratedAccount
from runs.models.base import Now


@dataclass(frozen=True)
class Limit:
    """Until when nothing is asked, and how many seconds that is from now."""

    until: datetime
    seconds: float


def limit_account(run_id: UUID, seconds: float) -> None:
    """The source told this run to wait. A longer wait that is known already stays."""
    until = Now() + timedelta(seconds=seconds)
    accounts = IntegratedAccount.objects.filter(runs=run_id)
    accounts.filter(Q(rate_limited_until=None) | Q(rate_limited_until__lt=until)).update(rate_limited_until=until)


def limit_of(run_id: UUID) -> Limit | None:
    """The wait that holds for the run's account; None if there is none."""
    left = ExpressionWrapper(F("rate_limited_until") - Now(), output_field=DurationField())
    accounts = IntegratedAccount.objects.filter(runs=run_id, rate_limited_until__gt=Now())
    found = accounts.values_list("rate_limited_until", left).first()
    return None if found is None else Limit(found[0], found[1].total_seconds())
