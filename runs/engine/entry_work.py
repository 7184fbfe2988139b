"""Working off one entry of a run: its requests in their order, each batch written with its checkpoint."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from typing import Any

from django.conf import settings

from runs.connectors import ApiClient, ApiSpec, FetchedPage, MethodSpec, RateLimited, RequestValues, UnknownCursor
from runs.crash_points import crash_at
from runs.engine.batch import Batch, Staging, id_path_of, nothing_kept, prepared_page
from runs.engine.bindings import DATE, Binding, bindings, first_parent, request_total, staged_fields
from runs.engine.cursors import opened
from runs.engine.derived import batch_total, derived_stream
from runs.engine.entry import Entry
from runs.engine.gate import Gate
from runs.engine.ledger import StepLedger
from runs.engine.page_stream import PageStream, Sent, Turn
from runs.engine.plan import previous_run_dates
from runs.engine.record_form import Form
from runs.engine.recursion import Recursion
from runs.engine.run_mail import RunMail
from runs.engine.staged import ROWS_AT_ONCE, staged_rows
from runs.engine.watch import END_SECONDS, PARK_SECONDS, SliceOver, Watch
from runs.errors import ErrorInfo, RunFailed
from runs.models import ErrorHandling, SyncJobRun
from runs.wire import known_time

PLACE_IS_GONE = (400, 404, 410)  # what sources answer to a cursor that they no longer take
PATIENCE = 0.5  # seconds between two looks at the watch while no page comes


class Cancelled(Exception):
    """Control flow, in the fetching threads: the slice has ended."""


class Cancellation:
    """Ends every wait in the threads of a slice."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Raises Cancelled as soon as the slice has ended."""
        if self._event.wait(seconds):
            raise Cancelled


@dataclass(frozen=True)
class Workplace:
    """What all entries of a slice share. `mail`: the way to the run's webhook; None where records are stored."""

    run: SyncJobRun
    spec: ApiSpec
    roots: Mapping[str, Any]
    ledgers: Mapping[str, StepLedger]
    client: ApiClient
    gate: Gate
    watch: Watch
    mail: RunMail | None
    cancellation: Cancellation

    def send(self) -> None:
        """Wait until the run's webhook has what is written for it; a run that stores its records has none."""
        if self.mail is not None:
            self.mail.send()

    def parent_of(self, entry: Entry) -> StepLedger | None:
        return None if entry.parent is None else self.ledgers[entry.parent]


class EntryWork:
    """The work on one entry within a slice: begun, or gone on with at its checkpoint."""

    def __init__(self, place: Workplace, ledger: StepLedger) -> None:
        self._place = place
        self._ledger = ledger
        self._entry = ledger.entry
        self._resumes = False  # whether the next page is one that an earlier slice has left off at
        self._last_request: tuple[Binding, RequestValues] | None = None

    def work_off(self) -> None:
        """To its end. Raises what ends the slice earlier.

        In rounds: what its records lead to is known once they are written, and a write waits for the last one.
        """
        self._begin()
        try:
            self._work_off_all()
        except UnknownCursor as error:  # to begin anew could go to and fro between daemons of two versions
            raise RunFailed(self._unknown_place()) from error

    def _work_off_all(self) -> None:
        step = self._ledger.step
        while True:
            before = step.position
            if self._work_off_known():
                continue
            if step.position in (before, self._first_total if self._recursion is None else self._recursion.total):
                return

    def _unknown_place(self) -> ErrorInfo:
        message = (
            f"{self._entry.name}: the page where it was left can't be read. Another version of Syncdeck has noted it, "
            "or the pagination was changed meanwhile. Run it again: it begins at the first page."
        )
        return ErrorInfo("unknown_place", message, self._entry.resource, self._entry.method)

    def _begin(self) -> None:
        run, key = self._place.run, self._ledger.step.incremental_key
        dates = {} if run.ignore_previous_run else previous_run_dates([key], self._place.spec.incremental_overlap)
        self._ledger.begin(dates.get(key), self._first_total)

    def _work_off_known(self) -> bool:
        """Whether the step has to begin anew; else all that is known is done."""
        stream, parts = self._stream(), deque[list[Turn]]()
        try:
            while (turns := stream.next_batch(PATIENCE)) is not None:
                if self._has_lost_its_place(turns):
                    self._ledger.restart()
                    return True
                parts.extend(self._apart(turns))
                while parts:
                    self._commit(parts.popleft())
                    self._place.send()
                self._place.watch.look()
        except SliceOver as over:
            stream.close(over.patience)
            self._round_off(stream, parts, over)
            raise
        except BaseException as end:
            self._place.cancellation.set()
            stream.close(PARK_SECONDS if isinstance(end, RateLimited) else END_SECONDS)
            raise
        finally:
            stream.close(0)
        return False

    def _has_lost_its_place(self, turns: list[Turn]) -> bool:
        """Whether the source refuses the very page at which an earlier slice has left the first request: a cursor may
        have expired meanwhile. Sent records would come a second time, and are not asked for again."""
        error = turns[0].error if turns else None
        refuses = error is not None and error.status_code in PLACE_IS_GONE
        return refuses and self._resumes and self._place.mail is None and self._recursion is None

    def _round_off(self, stream: PageStream, parts: deque[list[Turn]], over: SliceOver) -> None:
        """Write what has been fetched."""
        while parts:  # before what comes behind it, else the checkpoint would pass over it
            self._commit(parts.popleft())
        while turns := stream.next_batch(0):
            self._commit(turns)
        if over.wait is not None:  # else it, and the event of the wait behind it, came when that is over
            self._place.send()

    def _apart(self, turns: list[Turn]) -> list[list[Turn]]:
        """For a webhook, pages apart from an error behind them: it may end the run, and they are to be sent before.

        Where any refused record ends the run, that may be an error on each page.
        """
        if self._place.mail is None:
            return [turns]
        if self._place.run.error_handling == ErrorHandling.FAIL_FAST:
            return [[turn] for turn in turns]
        ends_in_error = bool(turns) and turns[-1].error is not None
        return [turns[:-1], turns[-1:]] if ends_in_error else [turns]

    def _commit(self, turns: list[Turn]) -> None:
        if not turns:
            return
        crash_at("after_response")
        self._resumes = False
        batch = Batch.of(turns, self._entry, self._staging)
        self._ledger.commit(batch if self._recursion is None else self._recursion.extended(batch))

    def _stream(self) -> PageStream:
        method, parent, step = self._method, self._place.parent_of(self._entry), self._ledger.step
        if method is not None:
            drawn = self._drawn(method, parent)
            concurrency = self._place.spec.concurrency
            cursor = opened(step.cursor)
            self._resumes = cursor is not None and step.position == 0
            return PageStream(
                self._fetch,
                drawn,
                cursor=cursor,
                concurrency=concurrency,
                gate=self._place.gate,
                prepare=self._prepare,
                linger=settings.LINGER_SECONDS,
            )
        assert parent is not None  # noqa: S101 - a transform and a spool have one
        return derived_stream(self._entry, parent.entry, parent.step, self._roots, step.position, self._prepare)

    def _prepare(self, page: FetchedPage) -> list[Form]:
        forms = prepared_page(page, self._entry, self._method)
        page.reduce(nothing_kept if self._staging is None else self._staging.kept)
        return forms

    def _fetch(self, binding: Binding, cursor: dict[str, Any] | None, sent: Sent) -> FetchedPage:
        assert self._method is not None  # noqa: S101 - for the type checker
        request = self._request(binding)
        page = self._place.client.fetch(self._method, request, cursor, sliced=self._keeps_slices, on_sent=sent)
        if self._recursion is None:
            return page
        return self._recursion.judged(page, binding, partial(self._place.cancellation.wait, 0))

    def _request(self, binding: Binding) -> RequestValues:
        """Filled in once for all pages of a list."""
        known = self._last_request
        if known is None or known[0] is not binding:
            known = self._last_request = (binding, binding.request(self._entry))
        return known[1]

    def _drawn(self, method: MethodSpec, parent: StepLedger | None) -> Iterator[Binding]:
        """The entry's requests from its checkpoint on."""
        position = self._ledger.step.position
        records = None if parent is None else self._records_of(parent, position, method)
        drawn = bindings(self._entry, self._roots, records, position)
        if self._recursion is not None:
            drawn = chain(drawn, self._recursion.bindings(position))
        # Of writes one in each round: whatever ends the slice, at most this one is sent again.
        return drawn if method.may_repeat else islice(drawn, 1)

    def _records_of(self, parent: StepLedger, position: int, method: MethodSpec) -> Iterator[tuple[int, Any]]:
        first = first_parent(self._entry, self._place.run.args, position)
        rows = staged_rows(parent.step.id, first, ROWS_AT_ONCE if method.may_repeat else 1)
        return ((row.sequence, row.data) for row in rows)

    @cached_property
    def _first_total(self) -> int:
        """How many requests the entry makes, without those that its own records lead to; or how many batches."""
        parent = self._place.parent_of(self._entry)
        records = None if parent is None else parent.staged_count()
        if parent is not None and not self._entry.makes_requests:
            return batch_total(self._entry, pages=parent.step.pages, records=records or 0)
        return request_total(self._entry, self._place.run.args, records)

    @cached_property
    def _method(self) -> MethodSpec | None:
        """What the entry calls; None for a transform or a spool."""
        entry = self._entry
        return self._place.spec.method(entry.resource, entry.method) if entry.makes_requests else None

    @cached_property
    def _roots(self) -> dict[str, Any]:
        """What its placeholders see. The date is the one that its beginning has noted."""
        date = self._ledger.step.previous_run_date
        return {**self._place.roots, **({} if date is None else {DATE: known_time(date)})}

    @cached_property
    def _keeps_slices(self) -> bool:
        """Whether the records are stored, and nothing else is done with them."""
        return self._place.mail is None and self._staging is None and self._recursion is None

    @cached_property
    def _staging(self) -> Staging | None:
        entries = [ledger.entry for ledger in self._place.ledgers.values()]
        has_children = any(entry.parent == self._entry.name for entry in entries)
        return Staging(staged_fields(self._entry, entries)) if has_children else None

    @cached_property
    def _recursion(self) -> Recursion | None:
        entry = self._entry
        if entry.recurse is None:
            return None
        return Recursion(
            entry,
            entry.recurse,
            self._ledger.step.id,
            self._roots,
            first_total=self._first_total,
            id_path=id_path_of(self._method),
        )
