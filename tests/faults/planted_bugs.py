"""Bugs planted into a process to prove that the checker sees them: each undoes one guard of the product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

FENCE = "AND lease_token = %(token)s AND status = 'running'"
STOP = "AND stop_requested_at IS NULL"


def plant(name: str) -> None:
    BUGS[name]()


def no_fence() -> None:
    """Whoever has ever had the run may write to it."""
    from runs.engine import checkpoint, claim
    from runs.models import SyncJobRun

    checkpoint.ADVANCE = _without(checkpoint.ADVANCE, FENCE)
    claim.owned_by = lambda run_id, token: SyncJobRun.objects.filter(id=run_id)


def checkpoint_first() -> None:
    """The position is committed before the records."""
    from runs.crash_points import crash_at
    from runs.engine.checkpoint import advance
    from runs.engine.ledger import StepLedger

    def commit(self: Any, batch: Any) -> None:
        rows = self._sink.differing(self.entry.resource, batch.stored)
        advance(self._claim, self.step.id, self._progress(batch))
        crash_at("after_checkpoint_before_records")
        with transaction.atomic():
            self._write_batch(batch, rows)
        self.step.pages += batch.pages
        self.step.position, self.step.cursor = batch.position, batch.cursor

    StepLedger.commit = commit  # type: ignore[method-assign]


def no_stop_check() -> None:
    """A stop is written down and nobody looks at it."""
    from runs.engine import checkpoint, claim

    def check(self: claim.Claim) -> None:
        if not self.owned().exists():
            raise claim.LeaseLost

    checkpoint.ADVANCE = _without(checkpoint.ADVANCE, STOP)
    claim._owned_unstopped = claim._owned_run
    claim._RENEW._build = claim._COMPLETE._build = claim.HOLD_WITH_MODE._build = claim._owned_run
    claim.Claim.check = check  # type: ignore[method-assign]
    claim.Claim.hold = _unstopped(claim.Claim.hold)  # type: ignore[method-assign]


def _unstopped(hold: Callable[..., None]) -> Callable[..., None]:
    return lambda self, **changes: hold(self, **{**changes, "even_stopping": True})


def no_tenant_filter() -> None:
    """The API looks for runs among those of everybody."""
    from runs.api import sync_job_runs
    from runs.models import SyncJobRun

    sync_job_runs.runs_of = lambda request: SyncJobRun.objects.all()


def _without(statement: str, guard: str) -> str:
    assert guard in statement, "what is to be planted has no place any more"
    return statement.replace(guard, "")


BUGS = {bug.__name__: bug for bug in (no_fence, checkpoint_first, no_stop_check, no_tenant_filter)}
