"""The list of runs: which filters it has, in the API and on the pages, and what a page of it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, reduce
from operator import and_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from runs.error_filters import met, unresolved
from runs.keyset import BadCursor, Page, keyset_page
from runs.lookups import (
    Field,
    TimeField,
    parse_boolean,
    parse_choice,
    parse_integer,
    parse_text,
    parse_time,
    parse_uuid,
)
from runs.models import (
    Environment,
    ErrorHandling,
    IntegratedAccount,
    RunStatus,
    RunTrigger,
    SyncJob,
    SyncJobRun,
)

RUN_FIELDS = {
    "id": Field("id", parse_uuid),
    "sync_job_id": Field("sync_job_id", parse_uuid),
    "integrated_account_id": Field("integrated_account_id", parse_uuid),
    "webhook_id": Field("webhook_id", parse_uuid),
    "rerun_of_id": Field("rerun_of_id", parse_uuid),
    "status": Field("status", parse_choice(RunStatus.values)),
    "trigger": Field("trigger", parse_choice(RunTrigger.values)),
    "error_handling": Field("error_handling", parse_choice(ErrorHandling.values)),
    "daemon_id": Field("daemon_id"),
    "daemon_group_key": Field("daemon_group_key"),
    "created_by": Field("created_by"),
    "sync_job.integration_name": Field("sync_job__integration__name"),
    "ignore_previous_run": Field("ignore_previous_run", parse_boolean),
    "version": Field("version", parse_integer),
    "attempt": Field("attempt", parse_integer),
    "error_count": Field("error_count", parse_integer),
    "created_at": TimeField("created_at"),
    "updated_at": TimeField("updated_at"),
    "started_at": TimeField("started_at"),
    "finished_at": TimeField("finished_at"),
    "stop_requested_at": TimeField("stop_requested_at"),
    "rate_limited_until": TimeField("rate_limited_until"),
}

# Columns that no list shows: large ones, and credentials, which would be decrypted row by row.
NOT_LISTED = (
    "sync_job__args_schema",
    "sync_job__resources",
    "integrated_account__context",
    "integrated_account__unified_model_override",
    "integrated_account__integration__config",
)
SHORTEST_ID_PREFIX = 6
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")
_WHOLE_DAY = timedelta(days=1, milliseconds=-1)


def _since(text: str) -> datetime:
    return parse_time(text, timezone.get_current_timezone())


def _until(text: str) -> datetime:
    """The end of the day when a date alone is given, as people mean it."""
    moment = _since(text)
    return moment + _WHOLE_DAY if _DATE.fullmatch(text) else moment


def _statuses(text: str) -> list[str]:
    return [RUN_FIELDS["status"].parse(part) for part in text.split(",") if part]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "status": _statuses,
    "account": parse_uuid,
    "job": parse_uuid,
    "trigger": RUN_FIELDS["trigger"].parse,
    "error": parse_uuid,
    "unresolved": parse_uuid,
    "since": _since,
    "until": _until,
    "q": parse_text,
}


@dataclass(frozen=True)
class RunFilter:
    """What the address of a page of runs asks for, within the environments that its reader may see.

    A value that cannot be read is told in `errors` and filters nothing.
    """

    params: QueryDict
    environments: QuerySet[Environment]
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, environments: QuerySet[Environment]) -> RunFilter:
        """Read `status` (repeated, or with commas), `account`, `job`, `trigger`, `error` and `unresolved` (ids of error
        groups), `since`, `until` and `q`."""
        found = cls(params, environments)
        for name, parse in _PARSERS.items():
            text = ",".join(params.getlist(name)) if name == "status" else params.get(name, "").strip()
            try:
                value = parse(text) if text else None
            except ValueError as error:
                found.errors[name] = f"{text[:100]!r} {error}"
                continue
            if value:
                found.values[name] = value
        return found

    def queryset(self) -> QuerySet[SyncJobRun]:
        """The runs, newest first, with their job, account and integration."""
        runs = self._matching(self.values)
        return runs.select_related("sync_job", "integrated_account__integration").defer(*NOT_LISTED)

    def page(self, cursor: str | None, limit: int = 50) -> Page[SyncJobRun]:
        """The page at `cursor`; a bad one gives the first page and an error."""
        try:
            return keyset_page(self.queryset(), cursor, limit)
        except BadCursor:
            self.errors["cursor"] = "This page of the list does not exist; here is the first one."
            return keyset_page(self.queryset(), None, limit)

    def status_counts(self, cap: int = 1000) -> dict[str, int]:
        """How many runs each status has within the other filters; `cap + 1` means more than `cap`."""
        others = self._matching({name: value for name, value in self.values.items() if name != "status"})
        return {status: others.filter(status=status).order_by()[: cap + 1].count() for status in RunStatus.values}

    def query_string(self, **changes: Any) -> str:
        """The address's query with these parameters changed (a list repeats one, None removes it).

        A change of any filter leaves the page's cursor out: it belongs to the former list.
        """
        params = self.params.copy()
        if changes and "cursor" not in changes:
            params.pop("cursor", None)
        for name, value in changes.items():
            params.pop(name, None)
            if value is not None:
                params.setlist(name, [str(item) for item in value] if isinstance(value, list) else [str(value)])
        return params.urlencode()

    @cached_property
    def _environment_ids(self) -> list[UUID]:
        """Read beforehand: a planner that does not know them walks past everybody's runs to find those of a few."""
        return list(self.environments.values_list("id", flat=True))

    def _matching(self, values: dict[str, Any]) -> QuerySet[SyncJobRun]:
        scope = SyncJobRun.objects.filter(environment__in=self._environment_ids)
        return scope.filter(reduce(and_, [_condition(name, value) for name, value in values.items()], Q()))


def _condition(name: str, value: Any) -> Q:
    match name:
        case "status":
            return RUN_FIELDS["status"].among(value)
        case "account":
            return RUN_FIELDS["integrated_account_id"].among([value])
        case "job":
            return RUN_FIELDS["sync_job_id"].among([value])
        case "trigger":
            return RUN_FIELDS["trigger"].among([value])
        case "error":
            return met(value)
        case "unresolved":
            return unresolved(value)
        case "since":
            return RUN_FIELDS["created_at"].compared("gte", value)
        case "until":
            return RUN_FIELDS["created_at"].compared("lte", value)
    return mentions(value)


def mentions(text: str) -> Q:
    """Runs whose id begins with the text, or whose account, job or error contains it.

    Accounts and jobs are found first, in tables that stay small, so that the runs come from their indexes.
    """
    accounts = IntegratedAccount.objects.filter(Q(tenant_id__icontains=text) | Q(integration__name__icontains=text))
    jobs = SyncJob.objects.filter(label__icontains=text)
    found = Q(integrated_account__in=accounts.values("id")) | Q(sync_job__in=jobs.values("id"))
    return found | Q(error__message__icontains=text) | _id_begins_with(text)


def _id_begins_with(text: str) -> Q:
    digits = text.lower().replace("-", "")
    if not SHORTEST_ID_PREFIX <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return Q(pk__in=[])
    return Q(id__gte=UUID(digits.ljust(32, "0")), id__lte=UUID(digits.ljust(32, "f")))
