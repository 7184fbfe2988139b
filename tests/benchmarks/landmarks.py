"""The rows of the load that the measured addresses name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils import timezone

from dashboard.run_lines import named, run_lines
from runs.admin.common import BoundedPaginator
from runs.keyset import keyset_page
from runs.models import (
    AlertState,
    ApiToken,
    BulkAction,
    CronTrigger,
    Delivery,
    ErrorSighting,
    IntegratedAccount,
    Record,
    RunStatus,
    SyncJobRun,
    User,
)
from tests.dashboard.routes import address_of

PAGE_10_000 = 10_000
ROWS = 50


@dataclass(frozen=True)
class Landmarks:
    """`ids` are by the names of the routes' parameters; the run among them has failed lately."""

    ids: dict[str, Any]
    completed: SyncJobRun
    live: list[SyncJobRun]
    deep: SyncJobRun
    largest_bulk: BulkAction
    records_of: IntegratedAccount

    @classmethod
    def found(cls) -> Landmarks:
        runs = SyncJobRun.objects.order_by("-created_at", "-id")
        depth = min(PAGE_10_000 * ROWS, runs.count() * 9 // 10)
        return cls(
            _ids(),
            completed=runs.filter(status=RunStatus.COMPLETED)[0],
            live=list(runs.filter(status=RunStatus.RUNNING)[:ROWS]),
            deep=runs[depth],
            largest_bulk=BulkAction.objects.order_by("-run_count")[0],
            records_of=Record.objects.only("integrated_account_id")[0].integrated_account,
        )

    def address(self, route: str, **other: Any) -> str:
        """The route's address with these ids, or others in their place."""
        return address_of(route, **{**self.ids, **other})

    @property
    def deep_cursor(self) -> str:
        """The cursor of page 10 000 of the list of runs."""
        onwards = SyncJobRun.objects.filter(created_at__lte=self.deep.created_at)
        return quote(keyset_page(onwards, None, 1).next_cursor or "")

    @property
    def last_page_of_admin(self) -> int:
        """The last page of the admin's list of runs, which counts no farther."""
        return min(SyncJobRun.objects.count(), BoundedPaginator.at_most) // ROWS

    @property
    def poll(self) -> str:
        """What a tab with 50 running runs asks when it knows all of them; counts and bars come with the answer."""
        lines = run_lines(named(SyncJobRun.objects.filter(id__in=[run.pk for run in self.live])), timezone.now())
        ids = ",".join(line.run.pk.hex for line in lines)
        first = quote(keyset_page(SyncJobRun.objects.all(), None, 1).first or "")
        return f"/runs/live/?ids={ids}&v={','.join(line.version for line in lines)}&f=since%3D7d&first={first}"

    @property
    def fifty(self) -> str:
        """Fifty picked runs, as the form of a bulk action names them."""
        return "&".join(f"run={run.pk}" for run in self.live)


def _ids() -> dict[str, Any]:
    sighting = ErrorSighting.objects.filter(run__status=RunStatus.FAILED).order_by("-created_at")[0]
    run, delivery = sighting.run, Delivery.objects.order_by("-created_at")[0]
    return {
        "run_id": run.pk,
        "line_id": run.events.all()[0].pk,
        "base_id": SyncJobRun.objects.filter(status=RunStatus.COMPLETED, sync_job=run.sync_job)[0].pk,
        "fingerprint": sighting.group.fingerprint,
        "group_id": sighting.group_id,
        "job_id": run.sync_job_id,
        "account_id": run.integrated_account_id,
        "environment_id": run.environment_id,
        "trigger_id": CronTrigger.objects.get(integrated_account=run.integrated_account).pk,
        "action_id": BulkAction.objects.order_by("-created_at")[1].pk,
        "webhook_id": delivery.webhook_id,
        "delivery_id": delivery.pk,
        "record_id": Record.objects.only("id")[0].pk,
        "token_id": ApiToken.objects.all()[0].pk,
        "rule_id": AlertState.objects.all()[0].rule_id,
        "person_id": User.objects.filter(is_superuser=False).order_by("id")[0].pk,
        "form": "csv",
    }
