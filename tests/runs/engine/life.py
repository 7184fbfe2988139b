"""What has to be true of a run, in plain Python, and a daemon that works on it page by page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from werkzeug import Request, Response

from runs.connectors import RequestValues
from runs.engine.account_client import client_of
from runs.engine.batch import Batch, prepared_page
from runs.engine.bindings import Binding
from runs.engine.claim import Claim, LeaseLost, StopRequested
from runs.engine.cursors import opened
from runs.engine.description import described
from runs.engine.entries import parse_entries
from runs.engine.ledger import StepLedger
from runs.engine.page_stream import Turn
from runs.engine.sinks import RecordStore
from runs.errors import ErrorInfo
from runs.models import RunStatus, RunStep
from runs.models.run import LIVE
from tests.sources import json_response

PAGES = (2, 1)  # how many records each page of every run has
ENTRIES = [{"resource": "countries", "method": "list", "persist": True, "query": {"run": "{{sync_job_run.id}}"}}]
PAGING = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": 2}}


def page_of(request: Request) -> Response:
    """Each run is told of records of its own, so that what it has stored can be counted."""
    run, number = request.args["run"], int(request.args["page"])
    rows = [{"iso": f"{run}-{number}-{row}"} for row in range(PAGES[number - 1])]
    return json_response({"data": rows})


@dataclass(eq=False, repr=False)
class Life:
    """What has to be true of one run. `owner`: who may write to it, even after its lease, as long as nobody else."""

    id: UUID
    args: int
    status: RunStatus = RunStatus.CREATED
    attempt: int = 0
    crashes: int = 0  # since the last page
    losses: int = 0
    owner: Worker | None = None
    is_late: bool = False
    is_parked: bool = False
    is_stopping: bool = False
    is_overdue: bool = False
    pages: int = 0
    started_at: datetime | None = None
    last: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<{self.status} run {str(self.id)[-6:]}>"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_free(self) -> bool:
        is_left = self.is_late or (self.owner is None and not self.is_parked)
        return self.is_live and not self.is_stopping and is_left

    @property
    def may_be_forced(self) -> bool:
        return self.status == RunStatus.RUNNING and self.is_stopping and (self.is_overdue or self.is_late)

    @property
    def records(self) -> int:
        return sum(PAGES[: self.pages])

    def taken(self, worker: Worker | None) -> None:
        self.losses += self.is_late
        self.crashes += self.is_late
        self.attempt += self.is_late or not self.attempt
        self.status, self.owner, self.is_late, self.is_parked = RunStatus.RUNNING, worker, False, False

    def turned(self) -> None:
        self.pages, self.crashes, self.is_late = self.pages + 1, 0, False

    def worked_off(self) -> None:
        if self.crashes >= settings.CRASH_CAP:
            self.ended(RunStatus.FAILED)
            return
        while self.pages < len(PAGES):
            self.turned()
        self.ended(RunStatus.COMPLETED)

    def left(self, *, is_parked: bool) -> None:
        self.owner, self.is_late, self.is_parked = None, False, is_parked

    def ended(self, status: RunStatus) -> None:
        self.left(is_parked=False)
        self.status = status

    def settled(self) -> None:
        """What becomes of a stop where no daemon holds the run."""
        if self.is_live and self.is_stopping and (self.owner is None or self.is_late):
            self.ended(RunStatus.STOPPED)

    def refusal(self, worker: Worker) -> type[Exception] | None:
        """What that worker is told when it writes."""
        if self.owner is not worker:
            return LeaseLost
        return StopRequested if self.is_stopping else None


@dataclass(eq=False, repr=False)
class Worker:
    """A daemon at work on a run, or one that believes that it is."""

    name: str
    life: Life
    claim: Claim
    is_through: bool = field(init=False)

    def __repr__(self) -> str:
        return f"<{self.name} of {self.life}>"

    def __post_init__(self) -> None:
        run = self.claim.run
        self.spec = described(run.integrated_account.integration, run.integrated_account, run.resources)
        (self.entry,) = parse_entries(run.resources, self.spec)
        self.step = RunStep.objects.get(run=run)
        self.ledger = StepLedger(self.claim, run, self.entry, self.step, RecordStore(run.integrated_account_id, run.id))
        self.ledger.begin(None, 1)
        self.is_through = self.step.pages == len(PAGES)

    def turn_page(self) -> None:
        """Fetch the next page, and write it."""
        method = self.spec.method("countries", "list")
        request = RequestValues(query={"run": str(self.life.id)})
        with client_of(self.claim.run.integrated_account, self.spec, wait=lambda seconds: None) as client:
            page = client.fetch(method, request, opened(self.step.cursor))
        turn = Turn(Binding(0, {}), page, forms=prepared_page(page, self.entry, method))
        self.ledger.commit(Batch.of([turn], self.entry, None))
        self.is_through = page.next_cursor is None

    def finish(self, status: RunStatus) -> bool:
        if status == RunStatus.COMPLETED:
            return self.claim.finish(status, close=self.ledger.close)
        error = ErrorInfo("http_500", "The source failed.") if status == RunStatus.FAILED else None
        return self.claim.finish(status, "It ends.", error)
