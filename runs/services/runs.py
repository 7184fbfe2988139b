"""Runs: created, stopped, run again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from runs.dispatch import SETTLE_STOP, publish
from runs.engine.ending import end_run
from runs.engine.entry import Entry
from runs.engine.events import add_event
from runs.engine.plan import in_order, incremental_keys
from runs.engine.recovery import settle_stop
from runs.errors import Failure, InvalidInput, LiveRunExists, NotAllowed
from runs.hashing import digest
from runs.models import (
    Action,
    CronTrigger,
    EventKind,
    RunStatus,
    RunStep,
    RunTrigger,
    SyncJobRun,
)
from runs.models.base import Now
from runs.models.run_state import LONGEST_REASON
from runs.services.audit import note
from runs.services.run_guards import hold_target, refuse_gone, refuse_second
from runs.services.run_request import RunRequest, checked

UNNOTED = (RunTrigger.API, RunTrigger.SCHEDULE)


@dataclass(frozen=True)
class Origin:
    """What started a run, and who: a person's name, a token's, or the expression of a schedule and its slot."""

    trigger: RunTrigger
    actor: str = ""
    cron_trigger: CronTrigger | None = None
    slot: datetime | None = None
    reason: str = ""

    @property
    def sentence(self) -> str:
        who = f" by {self.actor}" if self.actor else ""
        when = f" for the slot {slot_name(self.slot)}" if self.slot else ""
        return f"Created{who} ({self.trigger.value}){when}{because(self.reason)}"


@dataclass(frozen=True)
class PreparedRun:
    """A run that has passed every check and is not written yet."""

    run: SyncJobRun
    entries: tuple[Entry, ...]
    origin: Origin


def create_run(request: RunRequest, origin: Origin, *, dispatch: bool = True) -> SyncJobRun:
    """Check everything, write the run with its steps, and tell the daemons after the commit.

    With `dispatch` false nobody is told; the caller executes it. A broker that is down does not matter: the row waits
    for the sweep. Raises InvalidInput with every fault, and LiveRunExists unless the request says `force`.
    """
    run = write_run(prepare_run(request, origin))
    if dispatch:
        transaction.on_commit(partial(publish, run), robust=True)
    return run


def prepare_run(request: RunRequest, origin: Origin) -> PreparedRun:
    """The first half of `create_run`: parsing and checks, outside of any transaction. Raises InvalidInput."""
    entries, args = checked(request)
    return PreparedRun(_row(request, entries, args, origin), entries, origin)


def write_run(prepared: PreparedRun) -> SyncJobRun:
    """The second half: run, steps and first event in one transaction. Nobody is told.

    Raises LiveRunExists, and InvalidInput if what it runs was deleted since the checks.
    """
    run = prepared.run
    refuse_second(run)
    try:
        with transaction.atomic():
            hold_target(run)
            run.save(force_insert=True)
            RunStep.objects.bulk_create(_steps(run, prepared.entries))
            add_event(run.id, EventKind.CREATED, prepared.origin.sentence, prepared.origin.actor)
            _note_start(run, prepared.origin)
    except IntegrityError:
        refuse_second(run)  # another request was first between our look and our write
        refuse_gone(run)
        raise
    return run


def slot_name(slot: datetime) -> str:
    """A slot as people read it, in UTC."""
    return f"{slot.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def because(reason: str) -> str:
    """The end of a sentence that may have a reason."""
    return f": {reason}" if reason else "."


def checked_reason(reason: str) -> str:
    """The reason as it is kept. Raises InvalidInput for one that is too long."""
    reason = " ".join(reason.replace("\0", "").split())
    if len(reason) > LONGEST_REASON:
        raise InvalidInput([Failure("reason", f"must have at most {LONGEST_REASON} characters.")])
    return reason


def request_stop(run: SyncJobRun, *, actor: str = "", reason: str = "", dispatch: bool = True) -> SyncJobRun:
    """Ask the run to stop, and end it at once where no daemon holds it. Returns the row, read again.

    The row decides; the task only makes it prompt, and `dispatch` false leaves it to the sweep. Stopping twice is
    stopping once, and an ended run is unchanged. Raises InvalidInput for a reason that is too long.
    """
    reason = checked_reason(reason)
    open_runs = SyncJobRun.objects.that_can(Action.STOP).filter(id=run.id, stop_requested_at=None)
    asked = {"stop_requested_at": Now(), "stop_requested_by": actor, "stop_reason": reason}
    with transaction.atomic():
        if open_runs.update(**asked, updated_at=Now()):
            message = f"Stop asked for by {actor or 'request'}{because(reason)}"
            add_event(run.id, EventKind.STOP_REQUESTED, message, actor)
            note("run.stop", run, actor=actor, reason=reason)
    if not settle_stop(run.id) and dispatch:
        fresh = SyncJobRun.objects.get(id=run.id)
        if fresh.is_stopping:
            transaction.on_commit(partial(publish, fresh, SETTLE_STOP), robust=True)
    return SyncJobRun.objects.get(id=run.id)


def force_stop(run: SyncJobRun, *, actor: str = "", reason: str = "") -> SyncJobRun:
    """End a run whose stop is overdue without its daemon. Returns the row, read again; an ended run is unchanged.

    The lease's token goes, so the daemon writes nothing more to the run but the line that it came too late. Raises
    NotAllowed while the daemon still has time, and InvalidInput for a reason that is too long.
    """
    reason = checked_reason(reason)
    overdue = SyncJobRun.objects.that_can(Action.FORCE_STOP).filter(id=run.id)
    holder = f", without waiting for daemon {run.daemon_id}" if run.daemon_id else ""
    message = f"Stopped by force by {actor or 'request'}{holder}{because(reason)}"
    with transaction.atomic():
        if end_run(overdue, run.id, RunStatus.STOPPED, message, actor=actor):
            note("run.force_stop", run, actor=actor, reason=reason)
    fresh = SyncJobRun.objects.get(id=run.id)
    if fresh.is_live:
        raise NotAllowed(_too_early(fresh))
    return fresh


def _too_early(run: SyncJobRun) -> str:
    if run.force_stop_from is None:
        return f"Run {run.id} has not been asked to stop: that comes first."
    return f"Run {run.id} still has time to stop by itself: force it from {run.force_stop_from:%H:%M:%S} UTC on."


def rerun(
    run: SyncJobRun,
    *,
    actor: str = "",
    trigger: RunTrigger = RunTrigger.RERUN,
    ignore_previous_run: bool = False,
    force: bool = False,
    reason: str = "",
    dispatch: bool = True,
) -> SyncJobRun:
    """A new run of the same job, account, args, destination and error handling.

    It takes the job's entries as they are now, unless the run was given its own. Raises LiveRunExists while the run
    or another like it is live, and InvalidInput if it would not be accepted today.
    """
    if not run.can(Action.RERUN):
        raise LiveRunExists(run.id, f"Run {run.id} is {run.status}: it can be run again once it has ended.")
    request = rerun_request(run, ignore_previous_run=ignore_previous_run, force=force)
    return create_run(request, Origin(trigger, actor, reason=checked_reason(reason)), dispatch=dispatch)


def rerun_request(run: SyncJobRun, *, ignore_previous_run: bool = False, force: bool = False) -> RunRequest:
    """What a rerun asks for."""
    return RunRequest(
        run.sync_job,
        run.integrated_account,
        args=run.args,
        resources=run.resources if run.has_own_resources else None,
        webhook_id=run.webhook_id,
        daemon_group_key=run.daemon_group_key,
        error_handling=run.error_handling,
        ignore_previous_run=ignore_previous_run,
        version=run.version,
        force=force,
        rerun_of=run,
    )


def _row(request: RunRequest, entries: tuple[Entry, ...], args: dict[str, Any], origin: Origin) -> SyncJobRun:
    return SyncJobRun(
        environment=request.job.environment,
        sync_job=request.job,
        integrated_account=request.account,
        args=args,
        args_hash=digest(args),
        resources=[entry.definition for entry in entries],
        has_own_resources=request.resources is not None,
        webhook_id=request.webhook_id,
        daemon_group_key=request.group,
        destination=request.destination,
        error_handling=request.strategy,
        ignore_previous_run=request.ignore_previous_run,
        version=request.runtime_version,
        forced=request.force,
        trigger=origin.trigger,
        created_by=origin.actor,
        rerun_of=request.rerun_of,
        cron_trigger=origin.cron_trigger,
        scheduled_for=origin.slot,
    )


def _note_start(run: SyncJobRun, origin: Origin) -> None:
    """Only of runs that a person has started: programs and schedules start a million, and the runs themselves tell."""
    if run.rerun_of_id is not None:
        told: dict[str, Any] = {"rerun_of": str(run.rerun_of_id), "ignore_previous_run": run.ignore_previous_run}
        note("run.rerun", run, actor=origin.actor, reason=origin.reason, **told)
    elif origin.trigger not in UNNOTED:
        ignoring = run.ignore_previous_run
        note("run.create", run, actor=origin.actor, reason=origin.reason, ignore_previous_run=ignoring)


def incremental_scope(run: SyncJobRun) -> dict[str, str]:
    """Of what runs share their dates, beside the entries themselves."""
    return {
        "job": str(run.sync_job_id),
        "account": str(run.integrated_account_id),
        "args": run.args_hash,
        "destination": run.destination,
    }


def _steps(run: SyncJobRun, entries: tuple[Entry, ...]) -> list[RunStep]:
    keys = incremental_keys(entries, incremental_scope(run))
    steps: dict[str, RunStep] = {}
    for entry in in_order(entries):
        steps[entry.name] = RunStep(
            run=run,
            index=entry.index,
            name=entry.name,
            resource=entry.resource,
            method=entry.method,
            persists=entry.persist,
            parent=steps.get(entry.parent or ""),
            incremental_key=keys[entry.name],
        )
    return list(steps.values())
