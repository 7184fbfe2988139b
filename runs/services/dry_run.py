"""A run tried out: what each entry would ask for, and what the first page of it brings. Nothing is stored or sent on.

It goes the way of a run, with the engine's own pieces (plan, dates, bindings, forms of records), as far as one request
for each entry: a child is asked for the first record of its parent's first page, a loop for its first element. What
changes the source is only shown. Of all that, a line in the audit list is left, since an account's source was asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from runs.connectors import (
    ApiClient,
    ApiSpec,
    AuthenticationFailed,
    ConnectorError,
    FetchedPage,
    RateLimited,
    RequestFailed,
    RequestValues,
    located,
    masking,
)
from runs.engine.account_client import client_of
from runs.engine.batch import prepared_page
from runs.engine.bindings import DATE, Binding, bindings, request_total, staged_data, staged_fields
from runs.engine.caps import bounds as bounds_of
from runs.engine.derived import derived_page, first_batch
from runs.engine.entry import Entry
from runs.engine.plan import incremental_keys, previous_run_dates
from runs.engine.record_form import RefusedRecord, cleaned
from runs.engine.roots import run_root
from runs.errors import ErrorInfo
from runs.habits import Usual, usual_for
from runs.models import RunMode, RunTrigger, SyncJobRun
from runs.services.audit import note
from runs.services.deadlines import Deadline
from runs.services.dry_results import DryEntry, DryOutcome, DryRun, failed, with_page
from runs.services.plans import planned
from runs.services.run_request import RunRequest, spec_of
from runs.services.runs import Origin, incremental_scope, prepare_run
from runs.wire import known_time

SECONDS = 45.0
BOUNDS = {"tries": 2, "backoff": 0.2, "retry_window": 5.0, "longest_wait": 0.0, "page_seconds": 15.0}
MOST_ENTRIES = 100  # that are tried


def dry_run(request: RunRequest, *, seconds: float = SECONDS) -> DryRun:
    """Try the run out: no request goes beyond so many seconds. Raises InvalidInput as the creation of the run would.

    An error of the source is told at its entry, and the others go on. Refused credentials and a limit of the rate end
    it: the account stays as it is, also where the source refuses its credentials.
    """
    began = time.monotonic()
    prepared = prepare_run(request, Origin(RunTrigger.DASHBOARD))
    prepared.run.created_at = timezone.now()
    spec = spec_of(request.job.integration, account=request.account, entries=prepared.run.resources)
    deadline, bounds = Deadline(seconds, "The dry run"), bounds_of(**BOUNDS, total_seconds=seconds)
    with masking(), client_of(request.account, spec, wait=deadline, bounds=bounds) as client:
        work = _Work(prepared.run, prepared.entries, spec, client, deadline)
        entries = tuple(work.entries())
    found = DryRun(request, prepared.run.args, entries, _since(began), _usual(request, entries))
    counts = {outcome.value: found.count(outcome) for outcome in DryOutcome if found.count(outcome)}
    note("job.dry_run", request.job, account=str(request.account), entries=counts, milliseconds=found.milliseconds)
    return found


@dataclass(frozen=True)
class _Brought:
    """What an entry's first page is to its children: what each of its records is staged as."""

    entry: Entry
    trees: Sequence[Mapping[str, Any]]


class _Work:
    """The entries of one dry run, in the order in which a run would take them."""

    def __init__(
        self, run: SyncJobRun, entries: Sequence[Entry], spec: ApiSpec, client: ApiClient, deadline: Deadline
    ) -> None:
        self._run = run
        self._entries = entries
        self._spec = spec
        self._client = client
        self._deadline = deadline
        self._dates = self._known_dates()
        self._brought: dict[str, _Brought] = {}
        self._ended = self._limited()  # why no other request is sent; empty while they are
        self._at: DryEntry

    def entries(self) -> Iterator[DryEntry]:
        for place, one in enumerate(planned(self._entries, self._spec)):
            found = DryEntry(one, DryOutcome.SKIPPED, self._dates.get(one.entry.name), self._total(one.entry))
            if place >= MOST_ENTRIES:
                yield replace(found, why=f"A dry run tries the first {MOST_ENTRIES} entries.")
            elif self._deadline.is_over:
                yield replace(found, why="The time of the dry run is over.")
            else:
                yield self._tried(found)

    def _tried(self, found: DryEntry) -> DryEntry:
        began = time.monotonic()
        self._at = found
        try:
            done = self._asked(found) if found.entry.makes_requests else self._derived(found)
        except RateLimited as limit:
            self._ended = f"{limit} No other entry was asked for."
            done = failed(self._at, ErrorInfo("rate_limited", str(limit)))
        except RequestFailed as error:
            if isinstance(error, AuthenticationFailed):
                self._ended = "The account's credentials are missing or refused: no other entry was asked for."
            done = failed(self._at, ErrorInfo(error.code, error.message, status_code=error.status_code))
        except ConnectorError as error:
            done = failed(self._at, ErrorInfo(type(error).__name__, str(error)))
        return replace(done, milliseconds=_since(began))

    def _asked(self, found: DryEntry) -> DryEntry:
        entry = found.entry
        binding = self._binding(entry, found.since)
        if isinstance(binding, str):
            return replace(found, why=binding)
        method, request = self._spec.method(entry.resource, entry.method), binding.request(entry)
        shown = self._client.preview(method, request)
        self._at = found = replace(found, request=shown, unfilled=_unfilled(entry, request))
        if method.is_write:
            why = f"{entry.method} changes the source: its request is only shown."
            return replace(found, outcome=DryOutcome.NOT_SENT, why=why)
        if self._ended:
            return replace(found, why=self._ended)
        page = self._client.fetch(method, request, None)
        self._keep(entry, page, binding)
        refused = [form for form in prepared_page(page, entry, method) if isinstance(form, RefusedRecord)]
        return with_page(replace(found, outcome=DryOutcome.FETCHED), page, refused)

    def _derived(self, found: DryEntry) -> DryEntry:
        """A transform's or a spool's work on what the first page of its parent has brought."""
        entry = found.entry
        parent = self._brought.get(entry.parent or "")
        if parent is None or not parent.trees:
            return replace(found, why=_nothing_of(entry))
        self._deadline(0)
        binding = first_batch(list(parent.trees), parent.entry, self._roots(found.since))
        page = derived_page(entry, parent.entry, binding)
        self._keep(entry, page, binding)
        refused = [form for form in prepared_page(page, entry, None) if isinstance(form, RefusedRecord)]
        return replace(with_page(found, page, refused), outcome=DryOutcome.DERIVED, status_code=None)

    def _binding(self, entry: Entry, since: datetime | None) -> Binding | str:
        """The entry's first request, or why it has none."""
        parents: list[tuple[int, Any]] | None = None
        if entry.parent is not None:
            parent = self._brought.get(entry.parent)
            if parent is None or not parent.trees:
                return _nothing_of(entry)
            parents = [(0, parent.trees[0])]
        first = next(bindings(entry, self._roots(since), parents, 0), None)
        return f"It loops on args.{entry.loop_on}, which is empty." if first is None else first

    def _keep(self, entry: Entry, page: FetchedPage, binding: Binding) -> None:
        """What the entry's children see of its records."""
        if any(other.parent == entry.name for other in self._entries):
            fields, inherited = staged_fields(entry, self._entries), binding.roots["resources"]
            trees = [cleaned(staged_data(entry, record, fields, inherited)) for record in page.records]
            self._brought[entry.name] = _Brought(entry, trees)

    def _roots(self, since: datetime | None) -> dict[str, Any]:
        context = self._spec.public_context(self._run.integrated_account.context)
        date = {} if since is None else {DATE: known_time(since)}
        return {"args": self._run.args, "sync_job_run": run_root(self._run), "context": context, **date}

    def _total(self, entry: Entry) -> int | None:
        return request_total(entry, self._run.args, None) if entry.parent is None else None

    def _known_dates(self) -> dict[str, datetime]:
        """By the entry's name. An entry that works on its parent's records has none."""
        keys = incremental_keys(self._entries, incremental_scope(self._run))
        overlap = self._spec.incremental_overlap
        dates = {} if self._run.ignore_previous_run else previous_run_dates(list(keys.values()), overlap)
        return {name: dates[key] for name, key in keys.items() if key in dates}

    def _limited(self) -> str:
        """Why the source is not asked at all; empty if it may be."""
        waits = self._run.integrated_account.rate_limited_until
        if waits is None or waits <= timezone.now():
            return ""
        return f"The source limits the rate of this account until {waits:%H:%M:%S} UTC: it was not asked."


def _unfilled(entry: Entry, request: RequestValues) -> tuple[str, ...]:
    """The entry's own placeholders that are sent as they stand; what a value brings along is none of them."""
    own = {placeholder.text for placeholder in located(entry.request_parts)}
    left = {placeholder.text for placeholder in located({"query": request.query, "body": request.body})}
    return tuple(sorted(own & left))


def _nothing_of(entry: Entry) -> str:
    return f"It needs a record of {entry.parent}, which has brought none."


def _usual(request: RunRequest, entries: Sequence[DryEntry]) -> Usual | None:
    has_date = any(entry.since is not None for entry in entries)
    mode = RunMode.INCREMENTAL if has_date else RunMode.FULL
    return usual_for(request.job.pk, request.account.pk, mode)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
