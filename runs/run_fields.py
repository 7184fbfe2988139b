"""What runs can be asked for: the fields of the API's list, and the conditions that it shares with the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from runs.lookups import (
    Field,
    TimeField,
    parse_boolean,
    parse_choice,
    parse_duration,
    parse_integer,
    parse_uuid,
)
from runs.models import ErrorHandling, IntegratedAccount, RunStatus, RunStep, RunTrigger, SyncJob
from runs.models.base import Now

# Columns that no list shows: large ones, and credentials, which would be decrypted row by row.
NOT_LISTED = (
    "sync_job__args_schema",
    "sync_job__resources",
    "integrated_account__context",
    "integrated_account__unified_model_override",
    "integrated_account__integration__config",
)
SHORTEST_ID_PREFIX = 6
FEW = 20

# From the start to the end, or to now; null before the start. Both databases subtract times to an exact interval.
TOOK = ExpressionWrapper(Coalesce(F("finished_at"), Now()) - F("started_at"), output_field=DurationField())
_COMPARISONS = {"gt": GreaterThan, "gte": GreaterThanOrEqual, "lt": LessThan, "lte": LessThanOrEqual}

NO_RECORDS = Q(fetched=0)
SLOW = Q(usual_limit__isnull=False)
WITH_ERRORS = Q(status=RunStatus.FAILED) | Q(error_count__gt=0)


def took(operator: str, time: timedelta) -> Q:
    """`operator` is one of gt, gte, lt, lte."""
    return Q(_COMPARISONS[operator](TOOK, Value(time, output_field=DurationField())))


def of_resources(names: list[str]) -> Q:
    """Runs with an entry of one of these resources. `step_by_resource` answers it from the index alone."""
    return Q(Exists(RunStep.objects.filter(run=OuterRef("pk"), resource__in=names)))


@dataclass(frozen=True)
class _TookField(Field):
    def among(self, values: list[Any]) -> Q:
        return reduce(or_, [took("gte", value) & took("lte", value) for value in values])

    def compared(self, operator: str, value: Any) -> Q:
        return took(operator, value)


@dataclass(frozen=True)
class _EqualField(Field):
    """One that is equal or not, and has no order."""

    def compared(self, operator: str, value: Any) -> Q:
        raise ValueError("can only be compared with eq, ne and in")


@dataclass(frozen=True)
class _ResourceField(_EqualField):
    def among(self, values: list[Any]) -> Q:
        return of_resources(values)


@dataclass(frozen=True)
class _HasErrorField(_EqualField):
    def among(self, values: list[Any]) -> Q:
        return reduce(or_, [WITH_ERRORS if value else ~WITH_ERRORS for value in values])


RUN_FIELDS: dict[str, Field] = {
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
    "resource": _ResourceField("", told="The runs with an entry of this resource."),
    "duration": _TookField("", parse_duration, told="From the start to the end, or to now: `90s`, `15m`, `2h`, `1d`."),
    "has_error": _HasErrorField("", parse_boolean, told="True: it failed, or a request or record of it went wrong."),
    "fetched": Field("fetched", parse_integer, told="How many records it has fetched in all."),
    "persisted": Field("persisted", parse_integer, told="How many records the store or the webhook has taken in all."),
    "created_at": TimeField("created_at"),
    "updated_at": TimeField("updated_at"),
    "started_at": TimeField("started_at"),
    "finished_at": TimeField("finished_at"),
    "stop_requested_at": TimeField("stop_requested_at"),
    "rate_limited_until": TimeField("rate_limited_until"),
}


def of_accounts(names: list[UUID | str]) -> Q:
    """Runs of the accounts with these ids, or whose names contain these texts."""
    return _of_named("integrated_account", names, IntegratedAccount, "tenant_id__icontains")


def of_jobs(names: list[UUID | str]) -> Q:
    """Runs of the jobs with these ids, or whose labels contain these texts."""
    return _of_named("sync_job", names, SyncJob, "label__icontains")


def _of_named(path: str, names: list[UUID | str], model: type[SyncJob | IntegratedAccount], contains: str) -> Q:
    """Few rows are looked up beforehand: the planner knows how many runs those have; of a subquery it guesses."""
    ids = [name for name in names if isinstance(name, UUID)]
    texts = [Q(**{contains: name}) for name in names if isinstance(name, str)]
    if not texts:
        return Q(**{f"{path}__in": ids})
    called_so = model.objects.filter(reduce(or_, texts)).order_by().values_list("id", flat=True)
    first = list(called_so[: FEW + 1])
    if len(first) <= FEW:
        return Q(**{f"{path}__in": [*ids, *first]})
    return Q(**{f"{path}__in": ids}) | Q(**{f"{path}__in": called_so})


def mentions(text: str) -> Q:
    """Runs whose id begins with the text, or whose account, job or error contains it.

    Accounts and jobs are found first, in tables that stay small, so that the runs come from their indexes; a whole id
    is looked up as one. Errors are looked for where there are any: in the runs that did not complete.
    """
    whole = _whole_id(text)
    if whole:
        return Q(pk=whole) | Q(sync_job=whole) | Q(integrated_account=whole)
    accounts = IntegratedAccount.objects.filter(Q(tenant_id__icontains=text) | Q(integration__name__icontains=text))
    jobs = SyncJob.objects.filter(label__icontains=text)
    found = Q(integrated_account__in=accounts.values("id")) | Q(sync_job__in=jobs.values("id"))
    error = Q(status__in=[RunStatus.FAILED, RunStatus.STOPPED], error__message__icontains=text)
    return found | error | id_begins_with(text)


def _whole_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def id_begins_with(text: str) -> Q:
    digits = text.lower().replace("-", "")
    if not SHORTEST_ID_PREFIX <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return Q(pk__in=[])
    return Q(id__gte=UUID(digits.ljust(32, "0")), id__lte=UUID(digits.ljust(32, "f")))
