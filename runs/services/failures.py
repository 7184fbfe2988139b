"""What needs attention is settled by a person, or opened again: failures, and runs that completed with a warning."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from runs.models import Action, SyncJobRun
from runs.models.base import Now
from runs.services.audit import note


@transaction.atomic
def acknowledge_failure(run: SyncJobRun, *, actor: str, reason: str = "") -> bool:
    """Settle the run by hand, in this person's name. False, and nothing is changed, if it was settled already."""
    rows = SyncJobRun.objects.that_can(Action.ACKNOWLEDGE).filter(id=run.id)
    changed = rows.update(acknowledged_at=Now(), acknowledged_by=actor, keep_open=False)
    if changed:
        note("run.acknowledge", run, actor=actor, reason=reason)
    return bool(changed)


@transaction.atomic
def acknowledge_failures(runs: Iterable[SyncJobRun], *, actor: str, reason: str = "") -> int:
    """Settle each of them, with an audit line of its own. Returns how many were not settled before."""
    ordered = sorted(runs, key=lambda run: run.id)  # two people at once then never wait for each other crosswise
    return sum(acknowledge_failure(run, actor=actor, reason=reason) for run in ordered)


@transaction.atomic
def reopen_failure(run: SyncJobRun, *, actor: str, reason: str = "") -> bool:
    """Have it need attention again, whatever later runs bring, until a person settles it. False if it does already."""
    rows = SyncJobRun.objects.that_can(Action.REOPEN).filter(id=run.id)
    changed = rows.update(superseded_at=None, acknowledged_at=None, acknowledged_by="", keep_open=True)
    if changed:
        note("run.reopen", run, actor=actor, reason=reason)
    return bool(changed)
