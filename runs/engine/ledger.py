"""The row of one step: begun, advanced with each batch, and closed. All of it under the run's fence.

Guarantee: a batch's records, counts, errors, staged parents and the position behind it commit together or not at all.
A crash repeats nothing that was counted and skips nothing that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, CharField, DateTimeField, F, QuerySet, UUIDField

from runs.connectors import AuthenticationFailed, RequestFailed
from runs.crash_points import crash_at
from runs.engine.batch import Batch
from runs.engine.checkpoint import Progress, advance
from runs.engine.claim import HOLD_WITH_MODE, Claim
from runs.engine.cursors import sealed
from runs.engine.deletions import note_seen, tracks_deletions
from runs.engine.entry import Entry
from runs.engine.error_policy import Verdict, judge
from runs.engine.events import EVENT, add_event, event_row
from runs.engine.outbox import flush_errors, note_errors
from runs.engine.record_form import RefusedRecord, StorableRecord, storable_text
from runs.engine.sinks import Sink
from runs.errors import ErrorInfo, RunFailed
from runs.models import (
    EventKind,
    FurtherRequest,
    RecordError,
    RunStatus,
    RunStep,
    StagedParent,
    StepStatus,
    SyncJobRun,
)
from runs.models.base import Now
from runs.prepared import Given, PreparedModels, PreparedTogether, PreparedUpdate


def _step() -> QuerySet[RunStep]:
    return RunStep.objects.filter(id=Given("step", UUIDField())).order_by()


_STEP = PreparedModels(lambda: _step().select_related("parent"))
_BEGUN = PreparedUpdate(
    _step,
    status=StepStatus.RUNNING,
    started_at=Now(),
    previous_run_date=Given("previous_run_date", DateTimeField()),
    request_total=Given("request_total", BigIntegerField()),
    updated_at=Now(),
)
_BEGIN = PreparedTogether(HOLD_WITH_MODE, _BEGUN, EVENT)
_CLOSED = PreparedUpdate(
    _step,
    status=Given("status", CharField()),
    finished_at=Now(),
    watermark=Given("watermark", DateTimeField()),
    updated_at=Now(),
)


class StepLedger:
    """What one step has done, in memory and in its row."""

    def __init__(self, claim: Claim, run: SyncJobRun, entry: Entry, step: RunStep, sink: Sink) -> None:
        self._claim = claim
        self._run = run
        self._sink = sink
        self.entry = entry
        self.step = step

    @property
    def is_done(self) -> bool:
        return self.step.status in (StepStatus.COMPLETED, StepStatus.FAILED)

    def staged_count(self) -> int:
        """How many of its records wait for the children."""
        return self.step.staged.count()

    def begin(self, previous_run_date: datetime | None, request_total: int) -> None:
        """Note the start, and the date and the number of requests it goes by. A resumed step keeps what it noted."""
        if self.step.status != StepStatus.PENDING:
            return
        self._run.is_incremental = self._run.is_incremental or previous_run_date is not None
        event = event_row(self._run.id, EventKind.STEP_STARTED, f"{self.entry.name}: started.", self._claim.daemon_id)
        begun = {"step": self.step.id, "previous_run_date": previous_run_date, "request_total": request_total}
        self._claim.hold_with(_BEGIN, is_incremental=self._run.is_incremental, **begun, **event)
        self.step.previous_run_date = previous_run_date

    def commit(self, batch: Batch) -> None:
        """Write the batch with its checkpoint. Raises RunFailed, after it is written, if its error ends the run.

        The run then ends in the same transaction: else a crash in between would let another daemon go on behind it.
        """
        rows = self._sink.differing(self.entry.resource, batch.stored)
        with transaction.atomic() if rows or self._leaves_more(batch) else nullcontext():
            advance(self._claim, self.step.id, self._progress(batch))
            crash_at("after_checkpoint_before_records")
            failure = self._write_batch(batch, rows)
            crash_at("after_records_before_commit")
        crash_at("after_commit")
        self.step.pages += batch.pages
        self.step.position, self.step.cursor = batch.position, batch.cursor
        if failure is not None:
            raise RunFailed(failure)

    def restart(self) -> None:
        """Begin the step anew, of which all that was done is its first request: the source no longer knows the place
        where that was. Its records stay, and what counts them begins at nothing."""
        done = RunStep.objects.only("fetched", "persisted").get(id=self.step.id)
        with transaction.atomic():
            self._claim.hold(fetched=F("fetched") - done.fetched, persisted=F("persisted") - done.persisted)
            self.step.staged.all().delete()
            self._write(fetched=0, persisted=0, pages=0, cursor=None)
            message = (
                f"{self.entry.name}: the source no longer knows the page where it was; it begins at its first one."
            )
            add_event(self._run.id, EventKind.WARNING, message, self._claim.daemon_id)
        self.step.pages, self.step.cursor = 0, None

    def complete(self) -> None:
        """Close the step while the run goes on."""
        with transaction.atomic():
            self._claim.hold()
            flush_errors(self._run)
            self.close()

    def close(self, *, told: bool = True) -> None:
        """Close the step, under the fence of the caller. It is clean, and moves its date, if nothing failed in it or in
        its parents. `told` as for an event."""
        step = _STEP.first(step=self.step.id)
        assert step is not None  # noqa: S101 - for the type checker: steps stay as long as their run
        failed = step.failed_requests > 0 and step.pages == 0
        clean = step.failed_requests == 0 and (step.parent is None or step.parent.watermark is not None)
        status = StepStatus.FAILED if failed else StepStatus.COMPLETED
        _CLOSED(step=self.step.id, status=status, watermark=self._run.started_at if clean else None)
        message = f"{self.entry.name}: {step.counts}."
        add_event(self._run.id, EventKind.STEP_FINISHED, message, self._claim.daemon_id, told=told)

    def _write(self, **changes: Any) -> None:
        RunStep.objects.filter(id=self.step.id).update(**changes, updated_at=Now())

    def _leaves_more(self, batch: Batch) -> bool:
        """Whether there is anything but records and counts to write."""
        return bool(batch.staged or batch.further or batch.error_count) or tracks_deletions(self._run, self.entry)

    def _write_batch(self, batch: Batch, rows: Sequence[StorableRecord]) -> ErrorInfo | None:
        """All but the counts. Returns why the batch ends the run; None if the run goes on."""
        if rows:
            self._sink.write(self.entry.resource, rows)
        if not self._leaves_more(batch):
            return None
        if tracks_deletions(self._run, self.entry):
            note_seen(self.step, batch.stored)
        self._stage(batch)
        FurtherRequest.objects.bulk_create(batch.further)
        errors = self._errors(batch)
        note_errors(self._run, errors)
        failure = self._failure(batch, errors)
        if failure is not None:
            self._fail(batch, failure)
        return failure

    def _progress(self, batch: Batch) -> Progress:
        return Progress(
            fetched=batch.fetched,
            persisted=self._taken(batch),
            errors=batch.error_count,
            held_by=batch.held_by,
            pages=batch.pages,
            position=batch.position,
            cursor=sealed(batch.cursor),
            requests=sum(further.sequence is not None for further in batch.further),
        )

    def _taken(self, batch: Batch) -> int:
        """How many records are persisted by their being written."""
        return len(batch.stored) if self._sink.counts_at_once else 0

    def _stage(self, batch: Batch) -> None:
        """Parents are numbered without gaps: records that can't be mapped are fetched, but have no children."""
        if not batch.staged:
            return
        last = self.step.staged.order_by("-sequence").values_list("sequence", flat=True).first()
        StagedParent.objects.bulk_create(
            StagedParent(step=self.step, sequence=sequence, batch=self.step.pages + record.page, data=record.data)
            for sequence, record in enumerate(batch.staged, start=0 if last is None else last + 1)
        )

    def _errors(self, batch: Batch) -> list[RecordError]:
        rows = [self._refused_record(refused) for refused in batch.refused]
        return rows if batch.error is None else [*rows, self._failed_request(batch.error)]

    def _refused_record(self, refused: RefusedRecord) -> RecordError:
        return self._error_row(
            record_id=refused.record_id,
            code=refused.code,
            message=refused.sentence,
            excerpt=refused.excerpt,
            is_quarantine=not refused.holds_date,
        )

    def _failed_request(self, error: RequestFailed) -> RecordError:
        return self._error_row(
            code=error.code,
            message=storable_text(error.message),
            status_code=error.status_code,
            url=storable_text(error.url),
            excerpt=storable_text(error.excerpt),
        )

    def _error_row(self, **values: Any) -> RecordError:
        of = {"run": self._run, "step": self.step, "resource": self.entry.resource, "method": self.entry.method}
        return RecordError(**of, **values)

    def _failure(self, batch: Batch, errors: list[RecordError]) -> ErrorInfo | None:
        """Why the batch ends the run; None if the run goes on.

        It is the request's error, which stands last, else that of the first refused record.
        """
        if not errors or judge(self._run.error_handling, batch.error) != Verdict.FAIL:
            return None
        row = errors[-1] if batch.error is not None else errors[0]
        return ErrorInfo(row.code, row.message, row.resource, row.method, row.status_code, row.fingerprint)

    def _fail(self, batch: Batch, failure: ErrorInfo) -> None:
        if isinstance(batch.error, AuthenticationFailed):
            self._run.integrated_account.note_refused_login()
        self._claim.finish(RunStatus.FAILED, failure.message, failure)
