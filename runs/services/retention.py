"""Retention: which ended runs are kept no longer, and how they go, with all that belongs to them, in nobody's way.

A run stays, however old it is, while something goes by it: see `_expendable`. Records stay in any case.

Guarantee: a run goes whole or not at all once its row goes; each transaction removes some rows only, under the lock of
their runs, after a look whether they still may go. Several may prune at once: what another holds is left to it. What
is interrupted is continued by the next.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone

from runs.database import is_busy
from runs.engine.deletions import is_first_of_tracked
from runs.models import (
    AlertMessage,
    BulkAction,
    BulkItem,
    BulkStatus,
    CronTrigger,
    Delivery,
    DeliveryStatus,
    ErrorGroup,
    ErrorSighting,
    MessageStatus,
    RecordError,
    RunEvent,
    RunStep,
    SyncJobRun,
)
from runs.models.base import first_uuid7
from runs.models.step import LIVING_ONLY
from runs.services.audit import note

log = structlog.get_logger(__name__)

BATCH = 500  # runs that are looked at together
AT_ONCE = 5000  # rows that a transaction removes at most, the runs themselves not counted
PAUSE = 0.02  # seconds between two transactions, for whoever waits for the database meanwhile
DAILY = timedelta(minutes=10)  # a daemon's thread has other work too; what is left is for the next day

# What belongs to runs, by its name in the counts; each before what it refers to.
_BELONGINGS: tuple[tuple[str, type[models.Model], str], ...] = (
    ("deliveries", Delivery, "run"),
    ("alert_messages", AlertMessage, "run"),
    ("bulk_items", BulkItem, "run"),
    ("errors", RecordError, "run"),
    ("error_sightings", ErrorSighting, "run"),
    ("events", RunEvent, "run"),
    *(("interim_rows", model, "step__run") for model in LIVING_ONLY),
    ("steps", RunStep, "run"),
)
_NAMES = ("runs", *(name for name, _, _ in _BELONGINGS), "bulk_actions", "error_groups")


def prune(older_than: timedelta, *, dry_run: bool = False, at_most: timedelta | None = None) -> dict[str, int]:
    """Remove the runs that ended so long ago, and what nothing refers to then. Returns how many rows, by name.

    With `dry_run` nothing is removed, and the counts tell what would be; error groups that only these runs have met
    are not among them. After `at_most` the rest is left for another time. What was removed stands in the audit list.
    """
    limit = timezone.now() - older_than
    counts: Counter[str] = Counter(dict.fromkeys(_NAMES, 0))
    if dry_run:
        for found in _counted(limit):
            counts.update(found)
        return dict(counts)
    try:
        _remove(limit, counts, at_most)
    finally:
        if counts.total():
            details: dict[str, Any] = {name: count for name, count in counts.items() if count}
            note("run.prune", older_than_days=older_than.days, **details)
    return dict(counts)


def prune_daily() -> None:
    """Prune what is older than `RUN_DAYS`; nothing where that is 0."""
    if settings.RUN_DAYS:
        removed = prune(timedelta(days=settings.RUN_DAYS), at_most=DAILY)
        log.info("Old runs were pruned.", **{name: count for name, count in removed.items() if count})


def _remove(limit: datetime, counts: Counter[str], at_most: timedelta | None) -> None:
    begun = monotonic()
    for removed in _removals(limit):
        counts.update(removed)
        if at_most is not None and monotonic() - begun > at_most.total_seconds():
            return
        time.sleep(PAUSE)


def _removals(limit: datetime) -> Iterator[dict[str, int]]:
    """Removes rows in one short transaction after the other, and tells after each what it was."""
    yield from _action_removals(limit)
    for page in _pages(limit):
        yield from _run_removals(_chosen(page, limit), limit)
    for groups in _group_pages(limit):
        yield _groups_removed(groups)


def _counted(limit: datetime) -> Iterator[dict[str, int]]:
    actions = _old_actions(limit)
    yield {"bulk_actions": actions.count(), "bulk_items": BulkItem.objects.filter(action__in=actions).count()}
    for page in _pages(limit):
        ids = _chosen(page, limit)
        yield {"runs": len(ids)}
        for name, model, path in _BELONGINGS:
            if model is not BulkItem:  # those of old actions, counted above
                yield {name: _of_runs(model, path, ids).count()}
    for groups in _group_pages(limit):
        yield {"error_groups": _idle_groups().filter(pk__in=groups).count()}


# Runs


def _ended(limit: datetime) -> models.QuerySet[SyncJobRun]:
    """Only ended runs have the time."""
    return SyncJobRun.objects.filter(finished_at__lt=limit).order_by()


def _expendable(ids: Sequence[UUID], limit: datetime) -> models.QuerySet[SyncJobRun]:
    """Those of these old runs that nothing goes by. Their age is not asked again: it would be looked up for all runs.

    Kept are the last `RUNS_KEPT` of each job and account; what needs attention; the runs that the date of a next one
    comes from; those that a schedule or a younger bulk action names, or that a live run repeats; and those with
    something still to be sent.
    """
    younger_items = BulkItem.objects.exclude(action__in=_old_actions(limit))
    goes_by_it = [
        _keeping_dates(),
        CronTrigger.objects.filter(last_run=OuterRef("pk")),
        younger_items.filter(run=OuterRef("pk")),
        younger_items.filter(other_run=OuterRef("pk")),
        SyncJobRun.objects.live().filter(rerun_of=OuterRef("pk")),
        Delivery.objects.filter(run=OuterRef("pk"), status=DeliveryStatus.PENDING),
        AlertMessage.objects.filter(run=OuterRef("pk"), status=MessageStatus.PENDING),
    ]
    free = [~Exists(rows) for rows in goes_by_it]
    return SyncJobRun.objects.filter(
        *free, pk__in=ids, is_unsettled=False, created_at__lt=Subquery(_first_kept())
    ).order_by()


def _keeping_dates() -> models.QuerySet[RunStep]:
    """Steps of the run with the latest date of their key: the next run asks since then (`previous_run_dates`)."""
    later = RunStep.objects.filter(incremental_key=OuterRef("incremental_key"), watermark__gt=OuterRef("watermark"))
    return RunStep.objects.filter(~Exists(later), run=OuterRef("pk"), watermark__isnull=False)


def _first_kept() -> Any:
    """When the first of the latest runs that stay was created; null while their job and account have no more."""
    same = SyncJobRun.objects.filter(
        integrated_account=OuterRef("integrated_account"), sync_job=OuterRef("sync_job"), finished_at__isnull=False
    )
    return same.order_by("-created_at", "-id").values("created_at")[settings.RUNS_KEPT - 1 : settings.RUNS_KEPT]


def _pages(limit: datetime) -> Iterator[list[UUID]]:
    """The old runs in the order of their ends, by the index `run_ended`; those that stay are passed over once."""
    after = Q()
    while page := list(
        _ended(limit).filter(after).order_by("finished_at", "id").values_list("finished_at", "id")[:BATCH]
    ):
        at, last = page[-1]
        after = Q(finished_at__gte=at) & (Q(finished_at__gt=at) | Q(id__gt=last))
        yield [found for _, found in page]


def _chosen(page: Sequence[UUID], limit: datetime) -> list[UUID]:
    fields = ("id", "resources", "integrated_account", "created_at", "finished_at")
    runs = _expendable(page, limit).only(*fields)
    return [run.id for run in runs if not is_first_of_tracked(run)]


def _run_removals(ids: list[UUID], limit: datetime) -> Iterator[dict[str, int]]:
    while ids:
        try:
            with transaction.atomic():
                ids = _held(ids, limit)
                removed, is_all = _belongings_removed(ids)
                if is_all:
                    SyncJobRun.objects.filter(pk__in=ids).only("pk").delete()
                    removed["runs"], ids = len(ids), []
        except DatabaseError as error:
            _left(error)
            return
        yield removed


def _held(ids: Sequence[UUID], limit: datetime) -> list[UUID]:
    """Those that still may go, and that nobody else can change or name from now on.

    Looked at after they are locked: what was committed before is seen, and nothing comes after.
    """
    locked = _locked(SyncJobRun.objects.filter(pk__in=ids))
    return list(_expendable(locked, limit).values_list("pk", flat=True))


def _belongings_removed(ids: Sequence[UUID]) -> tuple[Counter[str], bool]:
    """Of what belongs to the runs `AT_ONCE` rows at most, and whether that was all."""
    removed: Counter[str] = Counter()
    for name, model, path in _BELONGINGS:
        room = AT_ONCE - removed.total()
        rows = list(_of_runs(model, path, ids).values_list("pk", flat=True)[:room])
        model._default_manager.filter(pk__in=rows).delete()
        removed[name] += len(rows)
        if len(rows) == room:
            return removed, False
    return removed, True


def _of_runs(model: type[models.Model], path: str, ids: Sequence[UUID]) -> models.QuerySet[Any]:
    return model._default_manager.filter(**{f"{path}__in": ids}).order_by()


# Bulk actions, and groups of errors


def _old_actions(limit: datetime) -> models.QuerySet[BulkAction]:
    return BulkAction.objects.filter(status=BulkStatus.COMPLETED, created_at__lt=limit, finished_at__lt=limit)


def _action_removals(limit: datetime) -> Iterator[dict[str, int]]:
    """First their items, which may be many."""
    while ids := list(_old_actions(limit).order_by("created_at").values_list("pk", flat=True)[:BATCH]):
        items = list(BulkItem.objects.filter(action__in=ids).order_by().values_list("pk", flat=True)[:AT_ONCE])
        rows: Any = BulkItem.objects.filter(pk__in=items) if items else BulkAction.objects.filter(pk__in=ids)
        removed = rows.delete()[1]
        yield {"bulk_items": removed.get("runs.BulkItem", 0), "bulk_actions": removed.get("runs.BulkAction", 0)}


def _idle_groups() -> models.QuerySet[ErrorGroup]:
    """Those that no run has met that is still there, and of which nobody has noted anything."""
    return ErrorGroup.objects.filter(~Exists(ErrorSighting.objects.filter(group=OuterRef("pk"))), note="").order_by()


def _group_pages(limit: datetime) -> Iterator[list[UUID]]:
    """The old groups: ids are drawn in the order of creation."""
    last = UUID(int=0)
    old = ErrorGroup.objects.filter(id__lt=first_uuid7(limit)).order_by("id").values_list("id", flat=True)
    while page := list(old.filter(id__gt=last)[:BATCH]):
        last = page[-1]
        yield page


def _groups_removed(ids: Sequence[UUID]) -> dict[str, int]:
    """Only while no run counts errors, for its count would refer to what is gone. Later it founds the group anew."""
    idle = _idle_groups().filter(pk__in=ids)
    if not idle.exists():
        return {}
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                connection.cursor().execute("LOCK TABLE runs_errorsighting IN SHARE MODE NOWAIT")
            removed = idle.delete()[1]
    except DatabaseError as error:
        _left(error)
        return {}
    return {"error_groups": removed.get("runs.ErrorGroup", 0)}


def _locked(rows: models.QuerySet[Any]) -> list[UUID]:
    """Those that nobody else holds, until the end of the transaction. On SQLite there is one writer anyway."""
    return list(rows.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True))


def _left(error: DatabaseError) -> None:
    """Some are in use after all, and are left for the next time. Raises any other error."""
    if not (isinstance(error, IntegrityError) or is_busy(error)):
        raise error
    log.warning("Some old rows are in use, and stay for now.", error=str(error))
