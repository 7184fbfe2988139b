"""The queries for many runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from runs.models.base import Now
from runs.models.run_state import DEFAULT_GROUP, FORCE_AFTER, LEGAL, LIVE, OUTCOMES, Action, RunStatus
from runs.models.warning import WarningCode

if TYPE_CHECKING:
    from runs.models.run import SyncJobRun

NOTABLE = Q(status=RunStatus.FAILED) | ~Q(warning="")


def of_groups(groups: Collection[str]) -> Q:
    """Runs that daemons of these groups execute; webhook runs, which name none, are the default group's."""
    return Q(daemon_group_key__in=groups) | (Q(daemon_group_key=None) if DEFAULT_GROUP in groups else Q(pk__in=[]))


class RunQuerySet(models.QuerySet["SyncJobRun"]):
    def live(self) -> Self:
        return self.filter(status__in=LIVE)

    def unsettled(self) -> Self:
        """Runs that failed or completed with a warning, and that neither a later run nor a person has settled."""
        return self.filter(is_unsettled=True)

    def open_failures(self) -> Self:
        """The unsettled runs that failed."""
        return self.unsettled().filter(status=RunStatus.FAILED)

    def open_outages(self) -> Self:
        """The unsettled runs that failed, or that completed while an entry of them failed."""
        return self.unsettled().filter(Q(status=RunStatus.FAILED) | Q(warning=WarningCode.FAILED))

    def open_warnings(self) -> Self:
        """The unsettled runs that completed with a warning."""
        return self.unsettled().exclude(warning="")

    def outcomes_after(self, run: SyncJobRun) -> Self:
        """What supersedes the run: later runs of the same job, account and args that failed, or completed with no entry
        failed."""
        same = self._of_kind(run.sync_job_id, run.integrated_account_id, run.args_hash)
        later = same.filter(created_at__gt=run.created_at, status__in=OUTCOMES)
        return later if run.has_failed_entries else later.exclude(warning=WarningCode.FAILED)

    def superseded_by(self, job: Any, account: Any, args_hash: Any, created_at: Any) -> Self:
        """The unsettled runs that the outcome of a run settles, without those that a person keeps open.

        Takes what is known of that run, or where it stands in a prepared statement.
        """
        same = self._of_kind(job, account, args_hash)
        return same.unsettled().filter(created_at__lt=created_at, keep_open=False)

    def _of_kind(self, job: Any, account: Any, args_hash: Any) -> Self:
        return self.filter(sync_job=job, integrated_account=account, args_hash=args_hash)

    def that_can(self, action: Action) -> Self:
        """Those for which `run.can(action)` holds by the database's clock, as a query."""
        if action == Action.ACKNOWLEDGE:
            return self.unsettled()
        if action == Action.REOPEN:
            return self.filter(NOTABLE, is_unsettled=False)
        legal = self.filter(status__in=[status for status, actions in LEGAL.items() if action in actions])
        if action != Action.FORCE_STOP:
            return legal
        overdue = Q(stop_requested_at__lte=Now() - FORCE_AFTER) | Q(lease_until__lt=Now())
        return legal.filter(overdue, stop_requested_at__isnull=False)
