"""What the sweep does: it ends stops whose daemon is gone, and tells the daemons again of what nobody took.

Any number of sweeps may run at once: each change is conditional, and a run told of twice is claimed once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from itertools import takewhile
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.db.models.expressions import CombinedExpression

from runs.crash_points import crash_at
from runs.dispatch import publish, publish_bulk
from runs.engine.claim import FREE
from runs.engine.ending import end_run
from runs.log_ids import RUN_COLUMNS, log_ids, tell_run
from runs.models import BulkAction, BulkStatus, RunStatus, SyncJobRun
from runs.models.base import Now
from runs.models.run_queries import of_groups
from runs.models.run_state import DEFAULT_GROUP

log = structlog.get_logger(__name__)

AT_ONCE = 200  # runs per sweep: a long queue must not make a sweep long
REPEAT_AFTER = timedelta(seconds=30)


def settle_stop(run_id: UUID) -> bool:
    """End the run as stopped if that was asked and no daemon holds it. True if this call ended it."""
    rows = _unheld_stops().filter(id=run_id)
    who = rows.values_list("stop_requested_by", flat=True).first()
    return who is not None and end_run(rows, run_id, RunStatus.STOPPED, f"Stopped by {who or 'request'}.", actor=who)


def sweep(groups: Collection[str]) -> int:
    """One round by a daemon of these groups. Returns the number of runs it acted on.

    It tells only of runs that its own groups can take: for a group without a daemon, messages would pile up. A run
    that can't be handled is stepped over and logged.
    """
    crash_at("in_sweep")
    settled = sum(_each(_some(_unheld_stops()), settle_stop)) + sum(_each(_some(_overlong_leases()), _shorten_lease))
    return settled + _publish_all(_some(_untaken(groups))) + _publish_bulk_actions(_left_bulk_actions(), groups)


def wake(groups: Collection[str]) -> int:
    """Tell of parked runs whose wait is over: more often than the sweep, or a wait of two minutes took a tenth longer.

    So it does of bulk actions that have let their reruns be taken first. Returns the number of both.
    """
    parked = SyncJobRun.objects.live().filter(of_groups(groups), lease_until=None, stop_requested_at=None)
    woken = _publish_all(_some(parked.filter(resume_at__lte=Now(), dispatched_at=None)))
    return woken + _publish_bulk_actions(_left_bulk_actions().filter(dispatched_at=None), groups)


def _unheld_stops() -> QuerySet[SyncJobRun]:
    """Runs that were asked to stop and that no daemon holds."""
    unheld = Q(lease_until=None) | Q(lease_until__lt=Now())
    return SyncJobRun.objects.live().filter(unheld).exclude(stop_requested_at=None)


def _overlong_leases() -> QuerySet[SyncJobRun]:
    """Runs that are held for longer than any is: the database's clock has been set back since."""
    return SyncJobRun.objects.live().filter(lease_until__gt=_longest_lease())


def _shorten_lease(run_id: UUID) -> bool:
    """If its daemon is gone, it would else be taken over as much later as the clock was set back. A daemon that lives
    renews the lease, as ever."""
    return bool(_overlong_leases().filter(id=run_id).update(lease_until=_longest_lease(), updated_at=Now()))


def _longest_lease() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _untaken(groups: Collection[str]) -> QuerySet[SyncJobRun]:
    """Free runs whose message must be taken for lost: never sent, or sent long enough ago."""
    return SyncJobRun.objects.live().filter(FREE, _untold(), of_groups(groups), stop_requested_at=None)


def _left_bulk_actions() -> QuerySet[BulkAction]:
    """Unfinished bulk actions that no worker is at and whose message must be taken for lost."""
    unheld = Q(lease_until=None) | Q(lease_until__lt=Now())
    return BulkAction.objects.exclude(status=BulkStatus.COMPLETED).filter(unheld, _untold())


def _untold() -> Q:
    repeat = max(REPEAT_AFTER, timedelta(seconds=settings.SWEEP_SECONDS))
    return Q(dispatched_at=None) | Q(dispatched_at__lt=Now() - repeat) | Q(lease_until__lt=Now())


def _publish_bulk_actions(actions: QuerySet[BulkAction], groups: Collection[str]) -> int:
    """To the daemons of the sweep's own groups: any of them can carry them out."""
    group = DEFAULT_GROUP if DEFAULT_GROUP in groups else min(groups)
    return sum(takewhile(bool, (publish_bulk(action, group) for action in actions.order_by("id")[:AT_ONCE])))


def _some(rows: QuerySet[SyncJobRun]) -> list[SyncJobRun]:
    """With no more than whoever acts on them has to know."""
    return list(rows.order_by("id").only(*RUN_COLUMNS, "daemon_group_key")[:AT_ONCE])


def _publish_all(runs: list[SyncJobRun]) -> int:
    """How many were published, up to the first that fails: each failure waits for a broker that is gone."""
    return sum(takewhile(bool, map(_publish_again, runs)))


def _publish_again(run: SyncJobRun) -> bool:
    with log_ids():
        tell_run(run)
        return publish(run)


def _each(runs: list[SyncJobRun], act: Callable[[UUID], bool]) -> list[bool]:
    done = []
    for run in runs:
        with log_ids():
            tell_run(run)
            try:
                done.append(act(run.id))
            except DatabaseError:
                log.exception("The sweep steps over a run.")
    return done
