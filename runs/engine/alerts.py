"""What people are to be told of a run's end, written down with it.

A message is due where what happened differs from what people were told, never again for each failure: the first
failure, the Nth in a row, and the recovery of what was told.

Muted, a rule goes on counting and tells nothing, so nothing counts as told. When the mute is over, the next end of a
run tells what is new by then: that it fails, if that was not told before, or that it has recovered, if the failure
was. What began and ended within the mute is never told; it stands among the rule's messages as muted.

Guarantees: a message and the run's end are committed together, or neither is. Of several runs that end together each
change is told once, because each end locks the state before it looks. A run that ends after a newer one of the same job
and account changes nothing here, as the newer one says how things are. Stopped runs say nothing of the source; and a
run that completed while entries of it failed is no recovery, nor did it fail: it leaves what there is as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, UUIDField
from django.utils import timezone

from runs.engine.alert_words import Streak, content_of
from runs.engine.keyed_rows import locked_or_made
from runs.models import AlertKind, AlertMessage, AlertRule, AlertState, MessageStatus, RunStatus, SyncJobRun
from runs.models.base import Now
from runs.prepared import Given, PreparedModels

MUTED = "The rule was muted."


def alert_of(run: SyncJobRun) -> None:
    """Write the messages that the end of the run is worth. Within the transaction that ends it."""
    if run.status not in (RunStatus.COMPLETED, RunStatus.FAILED) or run.has_failed_entries:
        return
    for rule in _rules(run):
        state = _locked_state(rule, run)
        if state.last_run_id is None or state.last_run_id < run.id:
            _consider(rule, state, run, timezone.now())


def due(rule: AlertRule, state: AlertState) -> AlertKind | None:
    """What people don't know yet of the state, if the rule wants them to."""
    if not state.failures:
        return AlertKind.RECOVERY if state.alerted_since else None
    if rule.on_nth_failure and state.failures >= rule.on_nth_failure and not state.is_nth_told:
        return AlertKind.NTH_FAILURE
    return AlertKind.FIRST_FAILURE if rule.on_first_failure and state.alerted_since is None else None


def _rules(run: SyncJobRun) -> list[AlertRule]:
    """Those that look at the run, always in the same order: two ends that lock their states can't wait in a circle."""
    of = {"job": run.sync_job_id, "account": run.integrated_account_id}
    return _CONCERNED.rows(environment=run.environment_id, **of)


def concerned_rules(environment: Any, job: Any, account: Any) -> QuerySet[AlertRule]:
    """Those that look at runs of this job and account."""
    active = AlertRule.objects.live().filter(environment=environment, is_active=True)
    return active.filter(Q(sync_job=None) | Q(sync_job=job), Q(integrated_account=None) | Q(integrated_account=account))


_GIVEN = [Given(name, UUIDField()) for name in ("environment", "job", "account")]
_CONCERNED = PreparedModels(lambda: concerned_rules(*_GIVEN).defer("target", "secret").order_by("id"))


def _locked_state(rule: AlertRule, run: SyncJobRun) -> AlertState:
    key = {"rule_id": rule.id, "sync_job_id": run.sync_job_id, "integrated_account_id": run.integrated_account_id}
    rows = AlertState.objects.select_for_update(no_key=True).filter(**key)
    return locked_or_made(AlertState, key, lambda: rows.all().first())


def _consider(rule: AlertRule, state: AlertState, run: SyncJobRun, now: datetime) -> None:
    """Bring the state up to the run's end, and tell what is due."""
    ended = Streak.of(state)
    _count(rule, state, run)
    kind = due(rule, state)
    if kind:
        streak = ended if kind == AlertKind.RECOVERY else Streak.of(state)
        _tell(rule, state, kind, content_of(rule, run, kind, streak), run, now)
    state.save()


def _count(rule: AlertRule, state: AlertState, run: SyncJobRun) -> None:
    """A success ends a streak, and a failure may begin one: then a mute holds back anew."""
    state.last_run_id = run.id
    failed = run.status == RunStatus.FAILED
    if failed != bool(state.failures):
        state.held_back, state.is_nth_told = "", False
        state.failing_since = run.finished_at if failed else None
    state.failures = state.failures + 1 if failed else 0
    if not failed and not rule.on_recovery:
        state.alerted_since = None


def _tell(
    rule: AlertRule, state: AlertState, kind: AlertKind, content: dict[str, object], run: SyncJobRun, now: datetime
) -> None:
    """Write the message. Muted, it is kept as one that is never sent, once, and does not count as told."""
    message = AlertMessage(rule=rule, run=run, kind=kind, content=content, next_attempt_at=Now())
    if not rule.is_muted_at(now):
        message.save(force_insert=True)
        state.alerted_since = None if kind == AlertKind.RECOVERY else state.alerted_since or now
        state.is_nth_told = kind == AlertKind.NTH_FAILURE or state.is_nth_told
    elif state.held_back != kind:
        message.status, message.is_muted, message.last_error = MessageStatus.CANCELLED, True, MUTED
        message.next_attempt_at = None
        message.save(force_insert=True)
        state.held_back = kind
