"""The end of a run, whoever ends it: its row, its open steps, its last event, and what it means beyond the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, UUIDField

from runs.connectors import masked
from runs.crash_points import crash_at
from runs.engine.alerts import alert_of, concerned_rules
from runs.engine.error_groups import count_failure
from runs.engine.events import add_event
from runs.engine.freshness import note_end
from runs.engine.outbox import cancel_awaited, flush_errors
from runs.engine.outcome import due_slots, settle_outcome
from runs.errors import ErrorInfo
from runs.models import EventKind, RunStatus, RunStep, StepStatus, SyncJobRun, Webhook
from runs.models.base import Now
from runs.models.step import LIVING_ONLY
from runs.prepared import Given, PreparedModels

UNHELD = {"lease_token": None, "lease_until": None, "request_share": 0, "request_wish": 0}
FINAL = {**UNHELD, "finished_at": Now(), "updated_at": Now(), "resume_at": None, "rate_limited_until": None}
LEFT_STEPS = {RunStatus.FAILED: StepStatus.FAILED, RunStatus.STOPPED: StepStatus.STOPPED}
IS_HEARD = Exists(Webhook.objects.live().filter(environment=OuterRef("environment")))


class Closing(Protocol):
    """What closes a step, within the transaction that ends its run. `told`: whether there is a webhook."""

    def __call__(self, *, told: bool) -> None: ...


def end_run(
    rows: Any, run_id: UUID, status: RunStatus, message: str, *, error: ErrorInfo | None = None, actor: str = ""
) -> bool:
    """Put the run into a final state if it is among the rows; with its open steps and its last event.

    What ends it is written without any secret, and a failure is counted in its group. Without a message the event
    tells what the run has come to.
    """
    return end(partial(rows.update, **FINAL), run_id, status, message, error, actor)


def end(
    ending: Callable[..., int],
    run_id: UUID,
    status: RunStatus,
    message: str,
    error: ErrorInfo | None,
    actor: str,
    close: Closing | None = None,
) -> bool:
    """`ending` puts the run into the state, if it may."""
    error = error and replace(error, message=masked(error.message))
    with transaction.atomic():
        has_ended = ending(status=status, error=None if error is None else error.as_json())
        if has_ended:
            if status in LEFT_STEPS:
                open_steps = RunStep.objects.filter(run_id=run_id, status=StepStatus.RUNNING)
                open_steps.update(status=LEFT_STEPS[status], finished_at=Now(), updated_at=Now())
            run = _ENDED.first(run=run_id)
            assert run is not None  # noqa: S101 - for the type checker: it was changed just now
            _clear(run)
            flush_errors(run)
            if close is not None:
                close(told=run.is_heard)
            if status == RunStatus.FAILED and error is not None:
                _note_failure(run, error)
            settle_outcome(run, is_due=run.is_due, has_unsettled=run.has_unsettled)
            note_end(run)
            add_event(run_id, EventKind(status), message or f"Completed: {run.counts}.", actor, told=run.is_heard)
            if run.is_alarming:
                alert_of(run)
            crash_at("at_end_before_commit")
    return bool(has_ended)


def _ended_run() -> Any:
    """With what its end may concern beyond it: four things that most runs have nothing to do with, in one look."""
    return (
        SyncJobRun.objects.filter(id=Given("run", UUIDField()))
        .order_by()
        .annotate(
            is_due=Exists(due_slots(OuterRef("sync_job"), OuterRef("integrated_account"))),
            has_unsettled=Exists(
                SyncJobRun.objects.superseded_by(
                    OuterRef("sync_job"), OuterRef("integrated_account"), OuterRef("args_hash"), OuterRef("created_at")
                )
            ),
            is_heard=IS_HEARD,
            is_alarming=Exists(
                concerned_rules(OuterRef("environment"), OuterRef("sync_job"), OuterRef("integrated_account"))
            ),
        )
    )


_ENDED = PreparedModels(_ended_run)


def _clear(run: SyncJobRun) -> None:
    """What is of use to a living run only."""
    for kept, wish in LIVING_ONLY.items():
        if _may_have(run, wish):
            kept._default_manager.filter(step__run=run.id).delete()
    if run.webhook_id is not None:
        cancel_awaited(run.id, f"The run had ended ({run.status}) before this was delivered.")


def _may_have(run: SyncJobRun, wish: str) -> bool:
    """Whether an entry says so. One that another version has written may: the run has to end all the same."""
    entries = run.resources if isinstance(run.resources, list) else [None]
    return any(not isinstance(entry, dict) or entry.get(wish) for entry in entries)


def _note_failure(run: SyncJobRun, error: ErrorInfo) -> None:
    grouped = replace(error, fingerprint=count_failure(run, error))
    SyncJobRun.objects.filter(id=run.id).update(error=grouped.as_json())
