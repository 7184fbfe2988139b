"""The work of one slice: what its entries share, and the entries in their order."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from runs.connectors import ApiSpec, Pause, SpecError
from runs.crash_points import crash_at
from runs.engine.account_client import client_of
from runs.engine.budget import Budget
from runs.engine.caps import bounds
from runs.engine.claim import Claim
from runs.engine.deletions import mirror_deletions
from runs.engine.description import described
from runs.engine.ending import Closing
from runs.engine.entries import parse_entries
from runs.engine.entry import Entry
from runs.engine.entry_work import Cancellation, EntryWork, Workplace
from runs.engine.gate import Gate
from runs.engine.ledger import StepLedger
from runs.engine.plan import in_order
from runs.engine.roots import run_root
from runs.engine.run_mail import RunMail, WebhookSink
from runs.engine.sinks import RecordStore, Sink
from runs.engine.watch import Watch
from runs.errors import ErrorInfo, InvalidInput, RunFailed
from runs.models import ErrorHandling, RunStep, StepStatus, SyncJobRun, steps_of

OTHER_VERSION = (
    "Another version of Syncdeck has made or begun this run, in a way that the daemon which took it does not know. "
    "Bring all processes to one version, and run it again."
)


class RunSlice:
    """One claim's work on its run. A context manager: leaving it ends every wait and closes the connections."""

    def __init__(self, claim: Claim) -> None:
        run = claim.run
        spec, self._entries = _definition(run)
        self._claim = claim
        self._place, self._budget = _workplace(claim, run, spec, self._entries)

    def __enter__(self) -> Self:
        self._place.client.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._place.cancellation.set()
        self._place.client.__exit__(kind, error, None)
        if self._place.mail is not None:
            self._place.mail.close()

    def run_to_end(self) -> Closing | None:
        """Work off every entry that is not done, and close their steps but the last: what is returned closes that one,
        together with the run. Raises what ends the slice earlier.

        The time is looked at before the first request: a source that limits its rate for ever ends each slice before a
        later look, and the run would be parked again and again.
        """
        self._place.watch.look_at_time()
        self._place.send()
        if self._place.run.integrated_account.rate_limited_until is not None:
            self._place.watch.look_at_limit()
        self._budget.look()
        crash_at("before_first_request")
        last: StepLedger | None = None
        for entry in in_order(self._entries):
            ledger = self._place.ledgers[entry.name]
            if ledger.is_done:
                continue
            if last is not None:
                last.complete()
            EntryWork(self._place, ledger).work_off()
            mirror_deletions(self._claim, self._place.run, entry, self._lineage(ledger))
            last = ledger
        return None if last is None else last.close

    def _lineage(self, ledger: StepLedger) -> list[tuple[Entry, RunStep]]:
        """The entry and its parents, each with its step."""
        found: list[tuple[Entry, RunStep]] = []
        at: StepLedger | None = ledger
        while at is not None:
            found.append((at.entry, at.step))
            at = self._place.parent_of(at.entry)
        return found


def _workplace(claim: Claim, run: SyncJobRun, spec: ApiSpec, entries: tuple[Entry, ...]) -> tuple[Workplace, Budget]:
    account, cancellation, pause = run.integrated_account, Cancellation(), Pause()
    gate = Gate(spec.concurrency)
    budget = Budget(claim, account.id, spec.concurrency, gate)
    watch = Watch(claim, run.started_at or run.created_at, pause, budget)
    mail = RunMail(claim, run, run.webhook, watch) if run.webhook else None
    place = Workplace(
        run=run,
        spec=spec,
        roots={"args": run.args, "sync_job_run": run_root(run), "context": spec.public_context(account.context)},
        ledgers=_ledgers(claim, run, entries, mail),
        client=client_of(
            account,
            spec,
            wait=cancellation.wait,
            on_retry_wait=watch.note_wait,
            bounds=bounds(),
            pause=pause,
        ),
        gate=gate,
        watch=watch,
        mail=mail,
        cancellation=cancellation,
    )
    return place, budget


def _ledgers(claim: Claim, run: SyncJobRun, entries: tuple[Entry, ...], mail: RunMail | None) -> dict[str, StepLedger]:
    """Per entry's name the row that its work is noted in. Raises RunFailed where these are not as this version makes
    them."""
    steps = {step.index: step for step in steps_of(run)}
    unknown = {step.status for step in steps.values()} - set(StepStatus.values)
    if unknown or run.error_handling not in ErrorHandling.values or any(entry.index not in steps for entry in entries):
        raise RunFailed(ErrorInfo("other_version", OTHER_VERSION))

    def sink(entry: Entry) -> Sink:
        if mail is not None:
            return WebhookSink(mail, entry, steps[entry.index])
        return RecordStore(run.integrated_account_id, run.id)

    return {entry.name: StepLedger(claim, run, entry, steps[entry.index], sink(entry)) for entry in entries}


def _definition(run: SyncJobRun) -> tuple[ApiSpec, tuple[Entry, ...]]:
    """The API's description and the run's entries. Raises RunFailed if they no longer fit each other."""
    if run.integrated_account.deleted_at is not None:
        raise RunFailed(ErrorInfo("account_deleted", "The account has been deleted."))
    try:
        account = run.integrated_account
        spec = described(account.integration, account, run.resources)
        return spec, parse_entries(run.resources, spec)
    except (SpecError, InvalidInput) as error:
        raise RunFailed(ErrorInfo("definition", f"The integration or the entries are not valid: {error}")) from error
