"""What a run sends to its own webhook, and waits for: `started` before the first fetch, then record after record.

Guarantee: the next awaited event is not sent before the one ahead is acknowledged or given up, also after a takeover.
What the webhook took is counted in the transaction that notes its acknowledgement, once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any

from django.db import transaction
from django.db.models import F
from orjson import Fragment

from runs.connectors import Answer
from runs.crash_points import crash_at
from runs.engine import deliveries
from runs.engine.claim import Claim, LeaseLost, StopRequested
from runs.engine.entry import Entry
from runs.engine.error_policy import Verdict, judge
from runs.engine.outbox import Outbox, note_errors
from runs.engine.record_form import StorableRecord
from runs.engine.watch import DRAIN_SECONDS, SliceOver, Watch
from runs.errors import ErrorInfo, RunFailed
from runs.models import Delivery, DeliveryStatus, RecordError, RunStatus, RunStep, SyncJobRun, Webhook, WebhookEvent
from runs.models.base import Now

PATIENCE = 0.25  # seconds between two looks at the watch while an answer or a retry is waited for
RECORDS_PER_EVENT = 500
BYTES_PER_EVENT = 1_000_000
VETO = 400
NOT_TAKEN = "webhook_failed"


class RunMail:
    """The way of one slice's work to its run's webhook."""

    def __init__(self, claim: Claim, run: SyncJobRun, webhook: Webhook, watch: Watch) -> None:
        self._claim = claim
        self._run = run
        self._webhook = webhook
        self._watch = watch
        self._client = deliveries.receiver_client(connections=2)
        records = Delivery.objects.filter(run=run, webhook=webhook, event=WebhookEvent.RECORD)
        self._record_events = records.count()
        self._has_waited = False

    def close(self) -> None:
        self._client.close()

    def put(self, entry: Entry, step: RunStep, records: Sequence[StorableRecord]) -> None:
        """Write the records' events, within the transaction of their page."""
        outbox = Outbox(self._run)
        for part in portions(records):
            self._record_events += 1
            payload = self._record_payload(entry, part)
            outbox.put(self._webhook, WebhookEvent.RECORD, payload, step=step, record_count=len(part))

    def _record_payload(self, entry: Entry, records: Sequence[StorableRecord]) -> dict[str, Any]:
        return {
            "resource": entry.resource,
            "method": entry.method,
            "records": [Fragment(record.json) for record in records],
            "meta": {
                "sync_job_run_id": self._run.id,
                "sync_job_id": self._run.sync_job_id,
                "integrated_account_id": self._run.integrated_account_id,
                "sequence": self._record_events,
            },
        }

    def send(self) -> None:
        """Send all that is awaited, in its order, and what stands before it in the queue.

        Raises RunFailed where the run can't go on, StopRequested for a veto too, and what the watch raises.
        """
        while (delivery := self._first()) is not None:
            if self._may_send(delivery):
                self._send(delivery)
            else:
                self._wait()
            self._look()  # behind the attempt: a slice that is over at once has made one step all the same

    def _look(self) -> None:
        """A source that wants a wait does not hold up what has been fetched: the run waits once that is sent."""
        self._watch.look(at_limit=False)

    def _first(self) -> Delivery | None:
        """The head of the queue, as long as something awaited is in it."""
        queue = deliveries.pending().filter(run=self._run, webhook=self._webhook)
        head = queue.select_related("webhook", "step").order_by("sequence").first()
        return head if head and (head.is_awaited or queue.filter(is_awaited=True).exists()) else None

    def _may_send(self, delivery: Delivery) -> bool:
        """Whether it is due; one that couriers send too is taken, so that they don't. Raises LeaseLost and so on."""
        if not delivery.webhook.takes_events:
            message = "The run's webhook has been switched off or deleted."
            raise RunFailed(ErrorInfo("webhook_inactive", message))
        if not delivery.is_awaited:
            return deliveries.take(delivery)
        if not deliveries.pending().filter(id=delivery.id, next_attempt_at__lte=Now()).exists():
            return False
        self._claim.hold()  # proves that the run is ours at the last moment before others see what we do
        return True

    def _wait(self) -> None:
        if not self._has_waited:  # a daemon that is lost from here on has not failed on a page
            self._claim.hold(crashes=0)
            self._has_waited = True
        threading.Event().wait(PATIENCE)

    def _send(self, delivery: Delivery) -> None:
        """One attempt. The lease and a stop are looked after while the receiver takes its time."""
        letter = deliveries.Letter.of(delivery)
        crash_at("before_delivery")
        sent = _in_background(lambda: letter.post(self._client))
        try:
            while not _is_done(sent, PATIENCE):
                self._look()
        except (SliceOver, StopRequested) as ending:
            patience = ending.patience if isinstance(ending, SliceOver) else DRAIN_SECONDS
            if _is_done(sent, patience) and sent.result().accepted:
                self._note(delivery, sent.result())
            raise
        self._note(delivery, sent.result())

    def _note(self, delivery: Delivery, answer: Answer) -> None:
        crash_at("after_delivery_before_note")
        changes = deliveries.outcome(delivery, answer)
        if delivery.is_awaited:
            self._act_on(delivery, answer, changes)
        else:  # also what a person has sent again: the run has gone by its first answer
            deliveries.write(delivery, answer, changes)
        deliveries.note_health(self._webhook.id, answer)

    def _act_on(self, delivery: Delivery, answer: Answer, changes: dict[str, Any]) -> None:
        if delivery.event == WebhookEvent.STARTED and answer.status_code == VETO:
            self._stop_by_veto(delivery, answer)
        match changes.get("status"):
            case DeliveryStatus.DELIVERED if delivery.step is not None:
                self._credit(delivery, delivery.step, answer, changes)
            case DeliveryStatus.FAILED if delivery.step is not None:
                self._hold_date(delivery, delivery.step, answer, changes)
            case DeliveryStatus.FAILED if delivery.event == WebhookEvent.STARTED:
                self._fail(delivery, answer)
            case _:
                deliveries.write(delivery, answer, changes)

    def _credit(self, delivery: Delivery, step: RunStep, answer: Answer, changes: dict[str, Any]) -> None:
        """The receiver has taken the records: that is counted even when a stop has been asked for meanwhile."""
        taken = F("persisted") + delivery.record_count
        with transaction.atomic():
            self._claim.hold(even_stopping=True, persisted=taken, crashes=0)
            if deliveries.write(delivery, answer, changes):
                RunStep.objects.filter(id=step.id).update(persisted=taken, updated_at=Now())
            else:
                transaction.set_rollback(True)

    def _hold_date(self, delivery: Delivery, step: RunStep, answer: Answer, changes: dict[str, Any]) -> None:
        """The records were not taken: an error of the entry, which keeps its date where it is (contract 3.5)."""
        count = delivery.record_count
        message = f"The webhook did not take {count} record{'s' if count != 1 else ''}: {answer.error}"
        error = RecordError(
            run=self._run,
            step=step,
            resource=step.resource,
            method=step.method,
            code=NOT_TAKEN,
            message=message,
            status_code=answer.status_code,
            excerpt=deliveries.excerpt_of(answer),
        )
        ends = judge(self._run.error_handling) == Verdict.FAIL
        with transaction.atomic():
            self._claim.hold(even_stopping=True, error_count=F("error_count") + 1, crashes=0)
            deliveries.write(delivery, answer, changes)
            failed = {"failed_requests": F("failed_requests") + 1, "error_count": F("error_count") + 1}
            RunStep.objects.filter(id=step.id).update(**failed, updated_at=Now())
            note_errors(self._run, [error])
            info = ErrorInfo(
                NOT_TAKEN, error.message, step.resource, step.method, answer.status_code, error.fingerprint
            )
            if ends:
                self._claim.finish(RunStatus.FAILED, error.message, info)
        if ends:
            raise RunFailed(info)

    def _fail(self, delivery: Delivery, answer: Answer) -> None:
        """Nobody has acknowledged `started`: the run does not begin."""
        message = f"The webhook did not acknowledge sync_job_run:started: {answer.error}"
        info = ErrorInfo(NOT_TAKEN, message, status_code=answer.status_code)
        self._end(delivery, answer, RunStatus.FAILED, info)
        deliveries.note_health(self._webhook.id, answer)
        raise RunFailed(info)

    def _stop_by_veto(self, delivery: Delivery, answer: Answer) -> None:
        """A receiver that answers 400 to `started` does not want the run: a decision, and no failure of it."""
        message = "The webhook has vetoed the run: it answered 400 to sync_job_run:started."
        self._end(delivery, answer, RunStatus.STOPPED, ErrorInfo("vetoed", message, status_code=VETO))
        raise StopRequested

    def _end(self, delivery: Delivery, answer: Answer, status: RunStatus, info: ErrorInfo) -> None:
        """End the run by this answer, both or neither: another daemon must not go on behind an event given up."""
        with transaction.atomic():
            deliveries.write(delivery, answer, deliveries.given_up())
            if not self._claim.finish(status, info.message, info):
                raise LeaseLost


class WebhookSink:
    """The sink of webhook runs. What it writes is persisted once the receiver has it, not with the page."""

    counts_at_once = False

    def __init__(self, mail: RunMail, entry: Entry, step: RunStep) -> None:
        self._mail = mail
        self._entry = entry
        self._step = step

    def differing(self, resource: str, records: Sequence[StorableRecord]) -> Sequence[StorableRecord]:
        return records

    def write(self, resource: str, records: Sequence[StorableRecord]) -> None:
        self._mail.put(self._entry, self._step, records)


def portions(records: Sequence[StorableRecord]) -> list[list[StorableRecord]]:
    """The records in order, cut so that no event's body grows without bound. A single record may fill one alone."""
    parts: list[list[StorableRecord]] = []
    size = BYTES_PER_EVENT
    for record in records:
        size += len(record.json)
        if size > BYTES_PER_EVENT or len(parts[-1]) >= RECORDS_PER_EVENT:
            parts.append([])
            size = len(record.json)
        parts[-1].append(record)
    return parts


def _in_background(act: Any) -> Future[Answer]:
    """A thread that nobody waits for at the process's end: a slow receiver must not hold it up."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - carried to the run's own thread, which raises it
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=[work], name="mail", daemon=True).start()
    return future


def _is_done(future: Future[Answer], seconds: float) -> bool:
    return not wait([future], seconds).not_done
