"""The run's whole life, in any order: what is done to it by several workers, late ones too, people and sweeps.

A model in plain Python says what has to come of each step. The services, the engine and the database are the real ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Count
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runs.engine.claim import claim
from runs.engine.recovery import sweep, wake
from runs.engine.runner import execute_slice, hand_back
from runs.errors import LiveRunExists, NotAllowed
from runs.models import Action, EventKind, Record, RunEvent, RunStatus, RunStep, RunTrigger, SyncJobRun
from runs.services import Origin, RunRequest, create_run, force_stop, request_stop, rerun
from tests import factories
from tests.runs.engine.life import ENTRIES, PAGES, PAGING, Life, Worker, page_of
from tests.sources import serving

LAST_EVENTS = (EventKind.COMPLETED, EventKind.FAILED, EventKind.STOPPED)
NUMBERS = count()
AN_HOUR = timedelta(hours=1)
MOST_LIVE = 2  # the fewer there are, the more happens to each


@pytest.fixture
def url() -> Iterator[str]:
    with serving({}) as source:
        source.before = page_of
        yield source.url


def some_of(drawn: Callable[[RunLives], list[Any]]) -> Any:
    """One of those that the machine has just then."""
    return st.runner().flatmap(lambda lives: st.sampled_from(drawn(lives)))


RUN = some_of(lambda lives: lives.often_live(lives.lives, lambda life: life.is_live))
STATUS = st.sampled_from([RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED])
WORKER = some_of(lambda lives: lives.often_live(lives.workers, lambda worker: worker.life.is_live))


class RunLives(RuleBasedStateMachine):
    """Runs of one account and job. Each example has its own, and its own daemon group."""

    def __init__(self, url: str) -> None:
        super().__init__()
        name = f"lives-{next(NUMBERS)}"
        config = factories.integration_config(url, pagination=PAGING)
        self.account = factories.account(integration=factories.integration(name=name, config=config))
        self.job = factories.job(integration=self.account.integration, resources=ENTRIES)
        self.group = name
        self.lives: list[Life] = []
        self.workers: list[Worker] = []

    def often_live(self, found: list[Any], is_live: Callable[[Any], bool]) -> list[Any]:
        """Those of live runs stand in it more than once: what is done to the others changes nothing."""
        return [*found, *(one for one in found if is_live(one) for _ in range(4))]

    def live(self) -> list[Life]:
        return [life for life in self.lives if life.is_live]

    def held(self) -> list[Life]:
        return [life for life in self.lives if life.owner is not None]

    def parked(self) -> list[Life]:
        return [life for life in self.lives if life.is_parked]

    def stopping(self) -> list[Life]:
        return [life for life in self.live() if life.is_stopping]

    @initialize()
    def begin(self) -> None:
        self.create(args=0, force=False)
        self.take(life=self.lives[0], name="d0")

    @precondition(lambda self: len(self.live()) < MOST_LIVE)
    @rule(args=st.integers(0, 1), force=st.booleans())
    def create(self, args: int, force: bool) -> None:
        request = RunRequest(self.job, self.account, args={"n": args}, daemon_group_key=self.group, force=force)
        self._make(args, force, None, lambda: create_run(request, Origin(RunTrigger.API), dispatch=False))

    @rule(life=some_of(lambda lives: lives.lives), force=st.booleans())
    def run_again(self, life: Life, force: bool) -> None:
        row = self._row(life)
        if not life.is_live:
            self._make(life.args, force, life.id, lambda: rerun(row, force=force, dispatch=False))
            return
        with pytest.raises(NotAllowed):
            rerun(row, force=force, dispatch=False)

    @rule(life=RUN, name=st.sampled_from(["d1", "d2", "d3"]))
    def take(self, life: Life, name: str) -> None:
        taken = claim(life.id, name)
        assert (taken is not None) == life.is_free
        if taken is not None:
            self.workers.append(Worker(name, life, taken))
            life.taken(self.workers[-1])

    @rule(worker=WORKER)
    def turn_page(self, worker: Worker) -> None:
        if not worker.is_through:
            self._turn_page(worker)

    @rule(worker=WORKER, status=STATUS)
    def end(self, worker: Worker, status: RunStatus) -> None:
        """As a daemon does: what completes it has worked off all pages, and only a stop stops it."""
        life = worker.life
        if status == RunStatus.COMPLETED:
            while not worker.is_through and self._turn_page(worker):
                pass
            may = worker.is_through and life.refusal(worker) is None
        elif status == RunStatus.STOPPED and life.refusal(worker) is None:
            return
        else:
            may = life.owner is worker
        assert worker.finish(status) == may
        if may:
            life.ended(status)

    @rule(worker=WORKER, status=STATUS)
    def stop_it_before_its_end(self, worker: Worker, status: RunStatus) -> None:
        self.stop(life=worker.life)
        self.end(worker=worker, status=status)

    @rule(worker=WORKER, wait=st.sampled_from([None, AN_HOUR]))
    def give_back(self, worker: Worker, wait: timedelta | None) -> None:
        """A later slice tries at once to go on with it."""
        life = worker.life
        assert hand_back(worker.claim, wait) == (life.refusal(worker) is None)
        if life.owner is worker:
            life.left(is_parked=wait is not None)
            life.settled()
            self.take(life=life, name="d6")

    @rule(life=RUN)
    def a_whole_slice(self, life: Life) -> None:
        was_free = life.is_free
        execute_slice(life.id, "d4")
        if was_free:
            life.taken(None)
            life.worked_off()
        self._check_counts()

    @precondition(lambda self: self.held())
    @rule(life=some_of(lambda lives: lives.held()))
    def lose_the_daemon(self, life: Life) -> None:
        life.is_late = True
        self._turn_clock(life, "lease_until", timedelta(seconds=1))

    @precondition(lambda self: self.held())
    @rule(life=some_of(lambda lives: lives.held()))
    def lose_it_to_another(self, life: Life) -> None:
        """The late one does not know yet."""
        late = life.owner
        self.lose_the_daemon(life=life)
        self.take(life=life, name="d5")
        self.turn_page(worker=late)

    @precondition(lambda self: self.parked())
    @rule(life=some_of(lambda lives: lives.parked()))
    def let_the_wait_end(self, life: Life) -> None:
        life.is_parked = False
        self._turn_clock(life, "resume_at", timedelta(seconds=1))

    @precondition(lambda self: self.stopping())
    @rule(life=some_of(lambda lives: lives.stopping()))
    def let_the_stop_be_overdue(self, life: Life) -> None:
        life.is_overdue = True
        self._turn_clock(life, "stop_requested_at", timedelta(seconds=61))

    @rule()
    def sweep(self) -> None:
        sweep([self.group])
        wake([self.group])
        for life in self.lives:
            life.settled()

    @rule(life=RUN)
    def stop(self, life: Life) -> None:
        assert SyncJobRun.objects.that_can(Action.STOP).filter(id=life.id).exists() == life.is_live
        request_stop(self._row(life), actor="someone", dispatch=False)
        life.is_stopping = life.is_stopping or life.is_live
        life.settled()

    @rule(life=RUN)
    def stop_by_force(self, life: Life) -> None:
        if life.is_live and not life.may_be_forced:
            with pytest.raises(NotAllowed):
                force_stop(self._row(life), actor="someone")
            return
        force_stop(self._row(life), actor="someone")
        if life.is_live:
            life.ended(RunStatus.STOPPED)

    @invariant()
    def all_is_as_the_model_has_it(self) -> None:
        rows = {row.id: row for row in SyncJobRun.objects.filter(sync_job=self.job)}
        assert rows.keys() == {life.id for life in self.lives}
        for life in self.lives:
            self._check_state(life, rows[life.id])
            self._check_start(life, rows[life.id])
            self._check_end(life, rows[life.id])
        one_of_a_kind = Counter(row.args_hash for row in rows.values() if row.is_live and not row.forced)
        assert all(number == 1 for number in one_of_a_kind.values())
        self._check_timelines()

    def _make(self, args: int, force: bool, of: UUID | None, make: Callable[[], SyncJobRun]) -> None:
        if not force and any(life.args == args for life in self.live()):
            with pytest.raises(LiveRunExists):
                make()
            return
        row = make()
        assert (row.status, row.rerun_of_id, row.args) == (RunStatus.CREATED, of, {"n": args})
        self.lives.append(Life(row.id, args))

    def _turn_page(self, worker: Worker) -> bool:
        refusal = worker.life.refusal(worker)
        if refusal is not None:
            with pytest.raises(refusal):
                worker.turn_page()
        else:
            worker.turn_page()
            worker.life.turned()
        self._check_counts()
        return refusal is None

    def _check_state(self, life: Life, row: SyncJobRun) -> None:
        assert (row.status, row.attempt, row.crashes) == (life.status, life.attempt, life.crashes)
        assert row.lease_token == (life.owner and life.owner.claim.token)
        assert life.is_parked == (row.resume_at is not None and row.resume_at > timezone.now())
        assert life.is_stopping == (row.stop_requested_at is not None)
        legal = {Action.STOP: life.is_live, Action.RERUN: not life.is_live, Action.FORCE_STOP: life.may_be_forced}
        assert {action: row.can(action) for action in legal} == legal

    def _check_start(self, life: Life, row: SyncJobRun) -> None:
        assert (row.started_at is not None) == (life.attempt > 0)
        assert life.started_at in (None, row.started_at)
        life.started_at = row.started_at

    def _check_end(self, life: Life, row: SyncJobRun) -> None:
        """A final state is never left, and a run that completed has all of its records."""
        assert (row.finished_at is not None) == (not life.is_live)
        assert life.status != RunStatus.COMPLETED or life.pages == len(PAGES)
        if not life.is_live:
            now = {name: getattr(row, name) for name in ("status", "finished_at", "error", "daemon_id", "updated_at")}
            assert life.last in (None, now)
            life.last = now

    def _check_counts(self) -> None:
        """Of runs, of their steps, and of the records that are stored."""
        expected = {life.id: life.records for life in self.lives}
        runs, steps = SyncJobRun.objects.filter(sync_job=self.job), RunStep.objects.filter(run__sync_job=self.job)
        counts = [*runs.values_list("id", "fetched", "persisted"), *steps.values_list("run", "fetched", "persisted")]
        assert {(run, expected[run], expected[run]) for run in expected} == set(counts)
        stored = Record.objects.filter(integrated_account=self.account).values_list("first_run").annotate(Count("id"))
        assert dict(stored) == {run: number for run, number in expected.items() if number}

    def _check_timelines(self) -> None:
        """Each tells of every daemon that was lost, and of one end."""
        kinds = Counter(RunEvent.objects.filter(run__sync_job=self.job).values_list("run", "kind"))
        for life in self.lives:
            assert kinds[life.id, EventKind.WORKER_LOST] == life.losses
            assert sum(kinds[life.id, kind] for kind in LAST_EVENTS) == (not life.is_live)

    def _row(self, life: Life) -> SyncJobRun:
        return SyncJobRun.objects.get(id=life.id)

    def _turn_clock(self, life: Life, name: str, by: timedelta) -> None:
        """That moment is so long ago."""
        SyncJobRun.objects.filter(id=life.id).update(**{name: timezone.now() - by})


@pytest.mark.django_db(transaction=True)
def test_no_order_of_things_breaks_a_run(url: str) -> None:
    bounds = settings(max_examples=35, stateful_step_count=40, derandomize=True, deadline=None)
    run_state_machine_as_test(lambda: RunLives(url), settings=bounds)
