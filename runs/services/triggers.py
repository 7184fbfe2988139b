"""Cron triggers: saved after every check that a run would have to pass, armed, disarmed, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs import cron
from runs.errors import Failure
from runs.models import CronTrigger, Environment, RunTrigger, SyncJobRun
from runs.services.audit import note, note_saved, values_of
from runs.services.run_request import RunRequest, checked
from runs.services.runs import Origin, create_run
from runs.services.saving import assign, caught, locked, raise_if

TARGET = {"sync_job": "sync_job_id", "integrated_account": "integrated_account_id"}
FIELDS = (
    *TARGET,
    "args",
    "cron_expression",
    "webhook_id",
    "daemon_group_key",
    "error_handling",
    "ignore_previous_run",
    "is_active",
)
NOTED = tuple(name.removesuffix("_id") for name in FIELDS)


@transaction.atomic
def save_trigger(
    environment: Environment, values: Mapping[str, Any], trigger: CronTrigger | None = None
) -> CronTrigger:
    """Create the trigger, armed unless `is_active` is false, or change the one given.

    A destination that is given replaces the other one. The next slot is looked for anew, from now on, when the trigger
    is armed or its expression changes. Disarming alone is never refused. Raises InvalidInput with every fault.
    """
    row = locked(trigger) if trigger else CronTrigger(environment=environment)
    was = None if row._state.adding else (row.is_active, row.cron_expression)
    before = values_of(row, NOTED)
    assign(row, _with_one_destination(values), FIELDS)
    if row.is_active or row._state.adding or set(values) - {"is_active"}:
        _check(row)
    if not row.is_active:
        row.next_run_at = None
    elif (row.is_active, row.cron_expression) != was:
        _look_ahead(row)
    row.save()
    note_saved("schedule", row, before, switch={True: "arm", False: "disarm"})
    return row


@transaction.atomic
def arm_trigger(trigger: CronTrigger) -> CronTrigger:
    """Check it again, and wait for its next slot from now on. Raises InvalidInput if it would not be accepted today."""
    row = save_trigger(trigger.environment, {"is_active": True}, trigger)
    _look_ahead(row)
    row.save(update_fields=["next_run_at", "completion_due_at", "updated_at"])
    return row


def disarm_trigger(trigger: CronTrigger) -> CronTrigger:
    """No slot of it fires until it is armed again. Raises InvalidInput if it has been deleted."""
    return save_trigger(trigger.environment, {"is_active": False}, trigger)


@transaction.atomic
def delete_trigger(trigger: CronTrigger) -> None:
    """It fires no more; the runs that it has started keep naming it."""
    now = timezone.now()
    gone = {"deleted_at": now, "updated_at": now, "is_active": False, "next_run_at": None}
    if CronTrigger.objects.live().filter(id=trigger.id).update(**gone):
        note("schedule.delete", trigger)


def disarm(triggers: QuerySet[CronTrigger]) -> int:
    """Disarm all of them, because what they run is being deleted. Returns how many were armed."""
    return triggers.filter(is_active=True).update(is_active=False, next_run_at=None, updated_at=timezone.now())


def run_now(trigger: CronTrigger, *, actor: str = "") -> SyncJobRun:
    """The run of a slot, here and now; the slots stay as they are.

    Raises InvalidInput, and LiveRunExists while the same run is live.
    """
    origin = Origin(RunTrigger.DASHBOARD, actor, cron_trigger=trigger)
    run = create_run(run_request(trigger), origin)
    CronTrigger.objects.filter(id=trigger.id).update(last_run=run)
    return run


def run_request(trigger: CronTrigger) -> RunRequest:
    """What its runs are asked to be."""
    return RunRequest(
        trigger.sync_job,
        trigger.integrated_account,
        args=trigger.args,
        webhook_id=trigger.webhook_id,
        daemon_group_key=trigger.daemon_group_key,
        error_handling=trigger.error_handling,
        ignore_previous_run=trigger.ignore_previous_run,
    )


def expression_failures(expression: str) -> Iterator[Failure]:
    """What is wrong with the cron expression."""
    try:
        cron.normalised(expression)
    except cron.BadExpression as error:
        yield Failure("cron_expression", str(error) if expression else "is required.")


def _with_one_destination(values: Mapping[str, Any]) -> dict[str, Any]:
    """A given destination takes the place of the other; both at once are left to the check."""
    given = [name for name in ("webhook_id", "daemon_group_key") if values.get(name) is not None]
    if len(given) != 1:
        return dict(values)
    return {**values, "webhook_id": None, "daemon_group_key": None, given[0]: values[given[0]]}


def _check(row: CronTrigger) -> None:
    """Bring the expression to its plain form, and a destination that is not given to its default.

    Raises InvalidInput with everything that a run would be refused for.
    """
    failures = [Failure(path, "is required.") for name, path in TARGET.items() if getattr(row, f"{name}_id") is None]
    if not failures:
        request = run_request(row)
        row.daemon_group_key = request.group
        failures = caught(checked, request)
    raise_if([*failures, *expression_failures(row.cron_expression)])
    row.cron_expression = cron.normalised(row.cron_expression)


def _look_ahead(row: CronTrigger) -> None:
    """Wait for the next slot from now on; nothing is due for those of before."""
    row.completion_due_at = None
    row.next_run_at = next(iter(cron.next_slots(row.cron_expression, timezone.now())), None)
