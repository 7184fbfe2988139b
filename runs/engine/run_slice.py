"""The work of one slice: the entries in their order, each batch written with its checkpoint under the fence."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from types import TracebackType
from typing import Any, Self

from django.conf import settings

from runs.connectors import ApiSpec, Bounds, FetchedPage, MethodSpec, Pause, RateLimited, SpecError
from runs.engine.account_client import client_of
from runs.engine.batch import Batch, Staging, id_path_of
from runs.engine.bindings import DATE, Binding, bindings, first_parent, request_total, staged_fields
from runs.engine.budget import Budget
from runs.engine.claim import Claim
from runs.engine.deletions import mirror_deletions
from runs.engine.derived import batch_total, derived_stream
from runs.engine.description import described
from runs.engine.entries import Entry, parse_entries
from runs.engine.gate import Gate
from runs.engine.ledger import StepLedger
from runs.engine.page_stream import PageStream, Turn
from runs.engine.plan import in_order, previous_run_dates
from runs.engine.recursion import Recursion
from runs.engine.roots import run_root, wire_time
from runs.engine.run_mail import RunMail, WebhookSink
from runs.engine.sinks import RecordStore, Sink
from runs.engine.staged import ROWS_AT_ONCE, staged_rows
from runs.engine.watch import END_SECONDS, PARK_SECONDS, SliceOver, Watch
from runs.errors import ErrorInfo, InvalidInput, RunFailed
from runs.models import ErrorHandling, RunStep, SyncJobRun

PATIENCE = 0.5  # seconds between two looks at the watch while no page comes


class Cancelled(Exception):
    """Control flow, in the fetching threads: the slice has ended."""


class RunSlice:
    """One claim's work on its run. A context manager: leaving it ends every wait and closes the connections."""

    def __init__(self, claim: Claim) -> None:
        runs = SyncJobRun.objects.select_related("integrated_account__integration", "sync_job", "webhook")
        self._run = runs.get(id=claim.run_id)
        self._claim = claim
        self._spec, self._entries = _definition(self._run)
        account, concurrency = self._run.integrated_account, self._spec.concurrency
        self._gate = Gate(concurrency)
        self._budget = Budget(claim, account.id, concurrency, self._gate)
        pause = Pause()
        self._watch = Watch(claim, self._run.started_at or self._run.created_at, pause, self._budget)
        self._cancelled = threading.Event()
        self._client = client_of(
            account,
            self._spec,
            wait=self._wait,
            on_retry_wait=self._watch.note_wait,
            bounds=Bounds(longest_wait=settings.INLINE_WAIT_SECONDS),
            pause=pause,
        )
        self._roots = {
            "args": self._run.args,
            "sync_job_run": run_root(self._run),
            "context": self._spec.public_context(account.context),
        }
        webhook = self._run.webhook
        self._mail = RunMail(claim, self._run, webhook, self._watch) if webhook else None
        steps = {step.index: step for step in self._run.steps.all()}
        self._ledgers = {
            entry.name: StepLedger(claim, self._run, entry, steps[entry.index], self._sink(entry, steps[entry.index]))
            for entry in self._entries
        }

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._cancelled.set()
        self._client.__exit__(kind, error, None)
        if self._mail is not None:
            self._mail.close()

    def run_to_end(self) -> None:
        """Work off every entry that is not done. Raises what ends the slice earlier.

        The time is looked at before the first request: a source that limits its rate for ever ends each slice before a
        later look, and the run would be parked again and again.
        """
        self._watch.look_at_time()
        self._send()
        self._watch.look_at_limit()
        self._budget.look()
        for entry in in_order(self._entries):
            ledger = self._ledgers[entry.name]
            if not ledger.is_done:
                self._begin(ledger)
                self._work_off(ledger)
                mirror_deletions(self._claim, self._run, entry, self._lineage(entry))
                ledger.complete()

    def _sink(self, entry: Entry, step: RunStep) -> Sink:
        if self._mail is not None:
            return WebhookSink(self._mail, entry, step)
        return RecordStore(self._run.integrated_account_id, self._run.id)

    def _send(self) -> None:
        """Wait until the run's webhook has what is written for it; a run that stores its records has none."""
        if self._mail is not None:
            self._mail.send()

    def _wait(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise Cancelled

    def _begin(self, ledger: StepLedger) -> None:
        entry, key = ledger.entry, ledger.step.incremental_key
        dates = {} if self._run.ignore_previous_run else previous_run_dates([key], self._spec.incremental_overlap)
        ledger.begin(dates.get(key), self._first_total(entry))

    def _first_total(self, entry: Entry) -> int:
        """How many requests the entry makes, without those that its own records lead to; or how many batches."""
        parent = None if entry.parent is None else self._ledgers[entry.parent]
        records = None if parent is None else parent.staged_count()
        if parent is not None and not entry.makes_requests:
            return batch_total(entry, pages=parent.step.pages, records=records or 0)
        return request_total(entry, self._run.args, records)

    def _lineage(self, entry: Entry) -> list[tuple[Entry, RunStep]]:
        """The entry and its parents, each with its step."""
        found = []
        name: str | None = entry.name
        while name is not None:
            ledger = self._ledgers[name]
            found.append((ledger.entry, ledger.step))
            name = ledger.entry.parent
        return found

    def _work_off(self, ledger: StepLedger) -> None:
        """In rounds: what its records lead to is known once they are written, and a write waits for the last one."""
        recursion, staging = self._recursion(ledger), self._staging(ledger.entry)
        first_total = self._first_total(ledger.entry)
        while True:
            before = ledger.step.position
            self._work_off_known(ledger, recursion, staging)
            if ledger.step.position in (before, first_total if recursion is None else recursion.total):
                return

    def _recursion(self, ledger: StepLedger) -> Recursion | None:
        entry = ledger.entry
        if entry.recurse is None:
            return None
        return Recursion(
            entry,
            entry.recurse,
            ledger.step.id,
            self._roots_of(ledger),
            first_total=self._first_total(entry),
            id_path=id_path_of(self._method(entry)),
        )

    def _work_off_known(self, ledger: StepLedger, recursion: Recursion | None, staging: Staging | None) -> None:
        stream = self._stream(ledger, recursion)
        parts: deque[list[Turn]] = deque()
        try:
            while (turns := stream.next_batch(PATIENCE)) is not None:
                parts.extend(self._apart(turns))
                while parts:
                    self._commit(ledger, parts.popleft(), staging, recursion)
                    self._send()
                self._watch.look()
        except SliceOver as over:
            stream.close(over.patience)
            while parts:  # before what comes behind it, else the checkpoint would pass over it
                self._commit(ledger, parts.popleft(), staging, recursion)
            while turns := stream.next_batch(0):
                self._commit(ledger, turns, staging, recursion)
            if over.wait is not None:  # else it, and the event of the wait behind it, came when that is over
                self._send()
            raise
        except BaseException as end:
            self._cancelled.set()
            stream.close(PARK_SECONDS if isinstance(end, RateLimited) else END_SECONDS)
            raise
        finally:
            stream.close(0)

    def _apart(self, turns: list[Turn]) -> list[list[Turn]]:
        """For a webhook, pages apart from an error behind them: it may end the run, and they are to be sent before.

        Where any refused record ends the run, that may be an error on each page.
        """
        if self._mail is None:
            return [turns]
        if self._run.error_handling == ErrorHandling.FAIL_FAST:
            return [[turn] for turn in turns]
        ends_in_error = bool(turns) and turns[-1].error is not None
        return [turns[:-1], turns[-1:]] if ends_in_error else [turns]

    def _commit(
        self, ledger: StepLedger, turns: list[Turn], staging: Staging | None, recursion: Recursion | None
    ) -> None:
        if not turns:
            return
        batch = Batch.of(turns, ledger.entry, self._method(ledger.entry), staging)
        ledger.commit(batch if recursion is None else recursion.extended(batch))

    def _method(self, entry: Entry) -> MethodSpec | None:
        """What the entry calls; None for a transform or a spool."""
        return self._spec.method(entry.resource, entry.method) if entry.makes_requests else None

    def _roots_of(self, ledger: StepLedger) -> dict[str, Any]:
        date = ledger.step.previous_run_date
        return {**self._roots, **({} if date is None else {DATE: wire_time(date)})}

    def _staging(self, entry: Entry) -> Staging | None:
        if all(other.parent != entry.name for other in self._entries):
            return None
        return Staging(staged_fields(entry, self._entries))

    def _stream(self, ledger: StepLedger, recursion: Recursion | None) -> PageStream:
        entry, step, roots = ledger.entry, ledger.step, self._roots_of(ledger)
        method = self._method(entry)
        if method is None:
            parent = self._ledgers[entry.parent or ""]
            return derived_stream(entry, parent.entry, parent.step, roots, step.position)

        def fetch(binding: Binding, cursor: dict[str, Any] | None) -> FetchedPage:
            page = self._client.fetch(method, binding.request(entry), cursor)
            return page if recursion is None else recursion.judged(page, binding, partial(self._wait, 0))

        parents = self._parents(entry, step.position, at_once=ROWS_AT_ONCE if method.may_repeat else 1)
        drawn = bindings(entry, roots, parents, step.position)
        if recursion is not None:
            drawn = chain(drawn, recursion.bindings(step.position))
        if not method.may_repeat:  # one in each round: whatever ends the slice, at most this one is sent again
            drawn = islice(drawn, 1)
        return PageStream(fetch, drawn, cursor=step.cursor, concurrency=self._spec.concurrency, gate=self._gate)

    def _parents(self, entry: Entry, position: int, at_once: int) -> Iterator[tuple[int, Any]] | None:
        if entry.parent is None:
            return None
        first = first_parent(entry, self._run.args, position)
        rows = staged_rows(self._ledgers[entry.parent].step.id, first, at_once)
        return ((row.sequence, row.data) for row in rows)


def _definition(run: SyncJobRun) -> tuple[ApiSpec, tuple[Entry, ...]]:
    """The API's description and the run's entries. Raises RunFailed if they no longer fit each other."""
    if run.integrated_account.deleted_at is not None:
        raise RunFailed(ErrorInfo("account_deleted", "The account has been deleted."))
    try:
        account = run.integrated_account
        spec = described(account.integration, account)
        return spec, parse_entries(run.resources, spec)
    except (SpecError, InvalidInput) as error:
        raise RunFailed(ErrorInfo("definition", f"The integration or the entries are not valid: {error}")) from error
