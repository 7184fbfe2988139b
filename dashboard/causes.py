"""Failures with one cause: many runs that failed alike are one thing to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.http import urlencode

from dashboard.live import version_of
from runs.engine.fingerprint import fingerprint, message_shape
from runs.models import Environment, ErrorGroup, SyncJobRun

SINCE = timedelta(days=7)  # what was not settled by then is history; what a person keeps open stays
GROUP_FROM = 3  # fewer are told one by one
SAMPLES = 5
LONGEST_HINT = 80

Trouble = tuple[UUID, str]  # of an environment, by its fingerprint


@dataclass(frozen=True)
class Failure:
    """An unsettled failure, as far as its cause has to be known."""

    run_id: UUID
    error: dict[str, Any]
    environment_id: UUID
    integration_id: UUID
    account_id: UUID
    failed_at: datetime

    @property
    def trouble(self) -> Trouble | None:
        """What its error group is known by; None for one from before there were groups."""
        fingerprint = self.error.get("fingerprint")
        return (self.environment_id, fingerprint) if fingerprint else None

    @property
    def cause(self) -> str:
        """The same for runs of one error group; without one, for runs of one integration that failed alike."""
        if self.trouble:
            return version_of(*self.trouble)
        return version_of(self.integration_id, _fingerprint(*(self.error.get(name) or "" for name in _NAMES)))


@dataclass(frozen=True)
class Cause:
    """The failures of one cause, the newest first; `group_id` is that of their errors, where a line tells of many."""

    key: str
    failures: list[Failure]
    group_id: UUID | None = None

    @property
    def latest(self) -> Failure:
        return self.failures[0]

    @property
    def oldest(self) -> Failure:
        return self.failures[-1]

    @property
    def is_group(self) -> bool:
        return len(self.failures) >= GROUP_FROM

    @property
    def account_count(self) -> int:
        return len({failure.account_id for failure in self.failures})

    @property
    def integration_count(self) -> int:
        return len({failure.integration_id for failure in self.failures})

    @property
    def filter(self) -> str:
        """The query of the run list that finds them."""
        alike = {"error": str(self.group_id)} if self.group_id else {"q": self.hint} if self.hint else {}
        return urlencode({"open": "failed", **alike, "since": "all"})

    @property
    def hint(self) -> str:
        """The longest part of the message that all of them share: what the list of runs is searched for."""
        message = str(self.latest.error.get("message") or "")
        shape = message_shape(message)
        parts = sorted((part.strip() for part in shape.split("#")), key=len, reverse=True)
        return next((part[:LONGEST_HINT] for part in parts if part[:LONGEST_HINT] in message.lower()), "")


_NAMES = ("resource", "method", "code", "message")


@lru_cache(maxsize=2048)
def _fingerprint(resource: str, method: str, code: str, message: str) -> str:
    return fingerprint(resource, method, code, message)


def open_failures(environments: QuerySet[Environment], now: datetime) -> QuerySet[SyncJobRun]:
    """The failures that nothing has settled, of the last days; and those that a person keeps open."""
    return _recent(SyncJobRun.objects.open_failures(), environments, now)


def open_warnings(environments: QuerySet[Environment], now: datetime) -> QuerySet[SyncJobRun]:
    """The runs that completed with a warning, alike."""
    return _recent(SyncJobRun.objects.open_warnings(), environments, now)


def causes(failures: QuerySet[SyncJobRun], most: int) -> list[Cause]:
    """By cause, that of the newest failure first; at most so many failures are read. Two queries."""
    columns = ("id", "error", "environment", "sync_job__integration", "integrated_account", "finished_at")
    rows = failures.order_by("-created_at", "-id").values_list(*columns)[:most]
    found = _by_cause(Failure(run_id, error or {}, *others) for run_id, error, *others in rows)
    groups = _group_ids({cause.latest.trouble for cause in found if cause.is_group})
    return [replace(cause, group_id=groups.get(cause.latest.trouble)) for cause in found]


def _by_cause(failures: Iterable[Failure]) -> list[Cause]:
    found: dict[str, list[Failure]] = {}
    for failure in failures:
        found.setdefault(failure.cause, []).append(failure)
    return [Cause(key, alike) for key, alike in found.items()]


def _group_ids(troubles: Collection[Trouble | None]) -> dict[Trouble | None, UUID]:
    wanted = [trouble for trouble in troubles if trouble]
    if not wanted:
        return {}
    environments, fingerprints = zip(*wanted, strict=True)
    groups = ErrorGroup.objects.filter(environment__in=set(environments), fingerprint__in=fingerprints).order_by()
    rows = groups.values_list("environment", "fingerprint", "id")
    return {(environment, fingerprint): group_id for environment, fingerprint, group_id in rows}


def _recent(runs: QuerySet[SyncJobRun], environments: QuerySet[Environment], now: datetime) -> QuerySet[SyncJobRun]:
    return runs.filter(Q(created_at__gt=now - SINCE) | Q(keep_open=True), environment__in=environments)
