"""Two runs beside each other: what each resource brought, which errors are new or gone, and what they were told to do.

`run` is the one that is looked at, `base` the one that it is measured by; a change is the run's figure less the base's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Generic, TypeVar

from django.db.models import Count, Min, Q, QuerySet

from runs.connectors import MASK, is_secret_name, masked_value
from runs.differences import ABSENT, Difference, differences
from runs.models import RunStatus, RunStep, SyncJobRun, WarningCode

COMPARED_ERRORS = 5_000  # of each run, the latest
SHOWN_KINDS = 50
SHOWN_DIFFERENCES = 50

Figure = TypeVar("Figure", int, timedelta)


def same_account_and_job(run: SyncJobRun) -> QuerySet[SyncJobRun]:
    """The runs of the same account and job, this one among them."""
    return SyncJobRun.objects.filter(integrated_account=run.integrated_account_id, sync_job=run.sync_job_id)


def before(run: SyncJobRun) -> Q:
    """The runs that a list, the newest first, has behind this one."""
    return Q(created_at__lte=run.created_at) & (Q(created_at__lt=run.created_at) | Q(id__lt=run.id))


def after(run: SyncJobRun) -> Q:
    """The runs that a list, the newest first, has ahead of this one."""
    return Q(created_at__gte=run.created_at) & (Q(created_at__gt=run.created_at) | Q(id__gt=run.id))


def last_good_run(run: SyncJobRun) -> SyncJobRun | None:
    """The last run of the same account and job before this one that completed, with no entry failed."""
    good = same_account_and_job(run).filter(before(run), status=RunStatus.COMPLETED).exclude(warning=WarningCode.FAILED)
    return good.order_by("-created_at", "-id").first()


@dataclass(frozen=True)
class Change(Generic[Figure]):
    """A figure, and what it was in the base; None where it is not known."""

    now: Figure | None
    was: Figure | None

    @property
    def by(self) -> Figure | None:
        return None if self.now is None or self.was is None else self.now - self.was

    @property
    def percent(self) -> int | None:
        """Rounded; None where there is nothing to measure by."""
        return round(100 * (self.by / self.was)) if self.by is not None and self.was else None


@dataclass(frozen=True)
class ComparedEntry:
    """A resource of either run, matched by its name."""

    name: str
    now: RunStep | None
    was: RunStep | None
    fetched: Change[int]
    persisted: Change[int]
    errors: Change[int]
    took: Change[timedelta]


@dataclass(frozen=True)
class ErrorKind:
    """Errors of one fingerprint: how many the run has, and how many the base."""

    code: str
    resource: str
    message: str
    now: int
    was: int

    @property
    def is_new(self) -> bool:
        return not self.was

    @property
    def is_gone(self) -> bool:
        return not self.now


@dataclass(frozen=True)
class Comparison:
    run: SyncJobRun
    base: SyncJobRun

    @cached_property
    def entries(self) -> list[ComparedEntry]:
        """In the run's order; those that only the base has come last."""
        steps = list(RunStep.objects.filter(run__in=[self.run.pk, self.base.pk]))
        now, was = ([step for step in steps if step.run_id == run.pk] for run in (self.run, self.base))
        return compared_entries(self.run, now, self.base, was)

    @cached_property
    def took(self) -> Change[timedelta]:
        return Change(_took(self.run), _took(self.base))

    @property
    def fetched(self) -> Change[int]:
        return Change(*(run.fetched if run.started_at else None for run in (self.run, self.base)))

    @property
    def persisted(self) -> Change[int]:
        return Change(*(run.persisted if run.started_at else None for run in (self.run, self.base)))

    @property
    def errors(self) -> Change[int]:
        return Change(self.run.error_count, self.base.error_count)

    @cached_property
    def error_kinds(self) -> list[ErrorKind]:
        """New ones first, then those that both have, then the gone; the most frequent first within each."""
        now, was = _kinds_of(self.run), _kinds_of(self.base)
        kinds = []
        for key in dict.fromkeys([*now, *was]):
            told = now.get(key) or was[key]
            counts = (found[key]["count"] if key in found else 0 for found in (now, was))
            kinds.append(ErrorKind(told["code"], told["resource"], told["message"], *counts))
        return sorted(kinds, key=lambda kind: (kind.is_gone, not kind.is_new, -max(kind.now, kind.was)))[:SHOWN_KINDS]

    @property
    def errors_are_a_sample(self) -> bool:
        return max(self.run.error_count, self.base.error_count) > COMPARED_ERRORS

    @cached_property
    def settings(self) -> list[Difference]:
        """What the two were told to do, as far as it differs: modes, arguments, definitions. Secrets are masked."""
        found = islice(differences(_told(self.base), _told(self.run)), SHOWN_DIFFERENCES)
        return [_masked(difference) for difference in found]

    @cached_property
    def changed_mappings(self) -> list[str]:
        """Resources whose definition is the same, and whose unified mapping is another: so is their key.

        Only runs of the same scope can be told apart by it, for the scope is in the key too.
        """
        same_scope = all(
            getattr(self.run, name) == getattr(self.base, name)
            for name in ("sync_job_id", "integrated_account_id", "args_hash", "destination")
        )
        if not same_scope or self.run.resources != self.base.resources:
            return []
        pairs = ((entry.name, entry.now, entry.was) for entry in self.entries)
        return [name for name, now, was in pairs if now and was and now.incremental_key != was.incremental_key]


def compared_entries(
    run: SyncJobRun, now: Sequence[RunStep], base: SyncJobRun | None, was: Iterable[RunStep]
) -> list[ComparedEntry]:
    """The run's steps beside those of the base."""
    old = {step.name: step for step in was}
    new = {step.name: step for step in now}
    return [_compared(name, run, new.get(name), base, old.get(name)) for name in dict.fromkeys([*new, *old])]


def step_took(step: RunStep, run: SyncJobRun) -> timedelta | None:
    """How long an entry worked; None before its start, and while it has no end."""
    end = step.finished_at or run.finished_at
    return None if step.started_at is None or end is None else end - step.started_at


def _compared(
    name: str, run: SyncJobRun, now: RunStep | None, base: SyncJobRun | None, was: RunStep | None
) -> ComparedEntry:
    def change(figure: str) -> Change[int]:
        return Change(*(getattr(step, figure) if step and step.started_at else None for step in (now, was)))

    took = Change(step_took(now, run) if now else None, step_took(was, base) if was and base else None)
    return ComparedEntry(name, now, was, change("fetched"), change("persisted"), change("error_count"), took)


def _took(run: SyncJobRun) -> timedelta | None:
    return None if run.finished_at is None else run.elapsed(run.finished_at)


def _kinds_of(run: SyncJobRun) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Of the latest errors, by what makes them one kind; with the failure that ended the run, if no error tells it."""
    latest = run.record_errors.order_by("-created_at", "-id").values("id")[:COMPARED_ERRORS]
    rows = run.record_errors.filter(id__in=latest).order_by().values("fingerprint", "code", "resource")
    kinds: dict[tuple[str, str, str], dict[str, Any]] = {
        (row["fingerprint"], row["code"], row["resource"]): dict(row)
        for row in rows.annotate(count=Count("id"), message=Min("message"))
    }
    failure = run.error or {}
    told = any(row["code"] == failure.get("code") for row in kinds.values())
    if failure and not told:
        code, resource = failure["code"], failure.get("resource") or ""
        kinds[("", code, resource)] = {"code": code, "resource": resource, "message": failure["message"], "count": 1}
    return kinds


def _told(run: SyncJobRun) -> dict[str, Any]:
    return {
        "ignore previous run": run.ignore_previous_run,
        "error handling": run.error_handling,
        "version": run.version,
        "destination": run.destination,
        "daemon group": run.daemon_group_key,
        "arguments": run.args,
        "resources": _by_name(run.resources),
    }


def _masked(found: Difference) -> Difference:
    """Without a secret, whether the value is one or lies under the name of one."""
    secret = any(map(is_secret_name, found.path.split(".")))
    before, after = (
        value if value is ABSENT else MASK if secret else masked_value(value) for value in (found.before, found.after)
    )
    return Difference(found.path, before, after)


def _by_name(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The entries by their names, so that one more at the top does not make all others differ."""
    named: dict[str, Any] = {}
    for index, entry in enumerate(resources):
        name = str(entry.get("name") or entry.get("resource"))
        named[f"{name} ({index})" if name in named else name] = entry
    return named
