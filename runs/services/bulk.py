"""Ordering an action on many runs: what is confirmed is a set of runs, not a filter that may match others by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from runs.dispatch import publish_bulk
from runs.errors import SyncdeckError
from runs.hashing import digest
from runs.models import BulkAction, BulkItem, BulkKind, BulkOutcome, BulkStatus, Environment, SyncJobRun
from runs.models.base import Now
from runs.models.run_state import LIVE
from runs.services.audit import note
from runs.services.runs import checked_reason

MOST_RUNS = 10_000
BATCH = 1000  # rows per INSERT
COVERED = "A newer run of the same job, account, arguments and destination is run again instead."
READ = ("id", "status", "environment_id", "sync_job_id", "integrated_account_id", "args_hash", "destination")


class TooManyRuns(SyncdeckError):
    """More runs match than one action takes."""

    def __init__(self) -> None:
        super().__init__(f"More than {MOST_RUNS:,} runs match, and one action takes {MOST_RUNS:,} at most.")


class SetChanged(SyncdeckError):
    """Other runs match than those that were confirmed."""

    def __init__(self, now: RunSet) -> None:
        self.now = now
        super().__init__(f"{len(now.rows):,} runs match now, not those that were confirmed.")


@dataclass(frozen=True)
class RunSet:
    """The runs that an action would be about, newest first, as little of each as is needed to judge it."""

    rows: tuple[Mapping[str, Any], ...]

    @property
    def ids(self) -> list[UUID]:
        return [row["id"] for row in self.rows]

    @property
    def hash(self) -> str:
        """Of the ids, in whatever order they came."""
        return digest(sorted(run_id.hex for run_id in self.ids))

    @property
    def environment_ids(self) -> Counter[UUID]:
        """How many of the runs each environment has."""
        return Counter(row["environment_id"] for row in self.rows)

    @property
    def live_count(self) -> int:
        return sum(row["status"] in LIVE for row in self.rows)

    def covered(self) -> set[UUID]:
        """The ended runs that a rerun of a newer one among them stands for: it would do the same again."""
        seen: set[tuple[Any, ...]] = set()
        covered = set()
        for row in self.rows:
            same = tuple(row[name] for name in READ[3:])
            if row["status"] in LIVE:
                continue
            if same in seen:
                covered.add(row["id"])
            seen.add(same)
        return covered


def run_set(runs: QuerySet[SyncJobRun]) -> RunSet:
    """All of these runs. Raises TooManyRuns."""
    newest = runs.select_related(None).defer(None).order_by("-created_at", "-id")
    rows = tuple(newest.values(*READ)[: MOST_RUNS + 1])
    if len(rows) > MOST_RUNS:
        raise TooManyRuns
    return RunSet(rows)


@dataclass(frozen=True)
class BulkOrder:
    """What a person has confirmed. `id` is drawn with the question: a form that is sent twice orders once."""

    id: UUID
    kind: BulkKind
    run_count: int
    set_hash: str
    actor: str
    reason: str = ""
    is_selection: bool = False
    query: str = ""


def start_bulk(order: BulkOrder, runs: QuerySet[SyncJobRun]) -> BulkAction:
    """Write the action with an item per run, and tell the daemons after the commit.

    An order that is there already is answered with its action. Raises SetChanged, with nothing done, unless the runs
    are those that were confirmed; TooManyRuns; and InvalidInput for a reason that is too long.
    """
    reason = checked_reason(order.reason)
    known = _known(order)
    if known is not None:
        return known
    found = run_set(runs)
    if (len(found.rows), found.hash) != (order.run_count, order.set_hash):
        raise SetChanged(found)
    try:
        with transaction.atomic():
            action = _write(order, reason, found)
            transaction.on_commit(partial(publish_bulk, action), robust=True)
    except IntegrityError:
        known = _known(order)  # the same form, sent twice at once
        if known is None:
            raise
        return known
    return action


def _known(order: BulkOrder) -> BulkAction | None:
    return BulkAction.objects.filter(id=order.id, actor=order.actor, set_hash=order.set_hash, kind=order.kind).first()


def _write(order: BulkOrder, reason: str, found: RunSet) -> BulkAction:
    covered = set() if order.kind == BulkKind.STOP else found.covered()
    action = BulkAction(
        id=order.id,
        kind=order.kind,
        actor=order.actor,
        reason=reason,
        is_selection=order.is_selection,
        query=order.query,
        set_hash=order.set_hash,
        run_count=len(found.rows),
        already_count=len(covered),
    )
    action.save(force_insert=True)
    action.environments.set(Environment.objects.filter(id__in=list(found.environment_ids)))
    BulkItem.objects.bulk_create(_items(action, found, covered), batch_size=BATCH)
    _note_order(action, found)
    return action


def _items(action: BulkAction, found: RunSet, covered: set[UUID]) -> list[BulkItem]:
    return [
        BulkItem(action=action, run_id=run_id, outcome=BulkOutcome.ALREADY, words=COVERED, decided_at=action.created_at)
        if run_id in covered
        else BulkItem(action=action, run_id=run_id)
        for run_id in found.ids
    ]


def cancel_bulk(action: BulkAction, *, actor: str = "") -> int:
    """Leave the runs alone that are not decided yet. Returns how many; what has been done stays done.

    The item that a worker is at is waited for, and then counts as decided. The worker finds nothing more to do.
    """
    with transaction.atomic():
        pending = action.items.filter(outcome=BulkOutcome.PENDING)
        words = f"Cancelled by {actor or 'request'} before its turn."
        left = pending.update(outcome=BulkOutcome.CANCELLED, words=words, decided_at=Now())
        if left:
            counted = {"cancelled_count": F("cancelled_count") + left, "updated_at": Now()}
            BulkAction.objects.filter(id=action.id).update(**counted)
            for environment in action.environments.all():
                note("bulk.cancel", action, actor=actor, environment=environment)
    finish_bulk(action)
    return left


def finish_bulk(action: BulkAction) -> bool:
    """End the action if nothing is left to decide. True if this call ended it."""
    pending = BulkItem.objects.filter(action=OuterRef("pk"), outcome=BulkOutcome.PENDING)
    done = BulkAction.objects.filter(~Exists(pending), id=action.id).exclude(status=BulkStatus.COMPLETED)
    ended = {"finished_at": Now(), "updated_at": Now(), "lease_until": None}
    return bool(done.update(status=BulkStatus.COMPLETED, **ended))


def _note_order(action: BulkAction, found: RunSet) -> None:
    """A line per environment, so that its people find it, with the number of its own runs."""
    for environment in action.environments.all():
        note(
            f"bulk.{action.kind}",
            action,
            actor=action.actor,
            reason=action.reason,
            environment=environment,
            runs=found.environment_ids[environment.pk],
            filter=action.query,
            selection=action.is_selection,
            set_hash=action.set_hash,
        )
