"""A seeded nemesis: kill -9 at every crash point, over and over, until so many processes are dead.

Each run has an account of its own, so that all its records are written anew, and is given two deaths at points drawn
at random: two, because a fourth attempt without a page of progress is refused, as it should be. A death takes the
child of a pool that is at work on the run; now and then one takes a whole daemon, which is replaced. A run that has
lost three daemons in a row by that may fail for it, and says so; every other has to complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from tests.faults.invariants import Checker, Expected
from tests.faults.orders import OTHER_POINTS, RUN_POINTS, Order
from tests.faults.stage import Stage
from tests.processes import Process, wait_until

DEATHS_OF_A_RUN = 2
DAEMONS = 2
CHILDREN = 4  # of each daemon: runs under way at a time
WHOLE_DAEMONS = 0.04  # of all deaths
PATIENCE = 240.0  # seconds until any of the runs under way has to be over
LATEST = 3  # passing of a point that a run passes with each batch
PER_BATCH = ("after_response", "after_checkpoint_before_records", "after_records_before_commit", "after_commit")
LOST = """
    SELECT run_id FROM runs_runevent WHERE kind = 'worker_lost' GROUP BY run_id HAVING count(*) > 2"""


@dataclass
class Nemesis:
    """`kills`: how many processes are to die."""

    stage: Stage
    kills: int
    random: Random
    accounts: dict[str, str] = field(default_factory=dict)
    _daemons: list[Process] = field(default_factory=list)

    def rage(self) -> Counter[str]:
        """How many died at each point. Raises AssertionError with the findings, if there are any."""
        self._daemons = [self._daemon() for _ in range(DAEMONS)]
        under_way: set[str] = set()
        while self._deaths_are_due() or under_way:
            while len(under_way) < DAEMONS * CHILDREN and self._deaths_are_due():
                under_way.add(self._doomed_run())
            wait_until(lambda: self._some_ended(under_way), PATIENCE, f"an end of one of {under_way}")
        self.stage.orders.withdraw()
        self._judge()
        return Counter(order.point for order in self.stage.orders.carried_out())

    def _deaths_are_due(self) -> bool:
        return len(self.stage.orders.carried_out()) < self.kills

    def _daemon(self) -> Process:
        return self.stage.daemon(pool="prefork", concurrency=CHILDREN)

    def _doomed_run(self) -> str:
        account = self.stage.account(f"tenant {len(self.accounts)}")
        run_id = self.stage.create_run(integrated_account_id=account)
        self.accounts[run_id] = account
        self.stage.orders.give(*self._deaths(run_id))
        return run_id

    def _deaths(self, run_id: str) -> Iterator[Order]:
        for _ in range(DEATHS_OF_A_RUN):
            point = self.random.choice(RUN_POINTS)
            yield Order("kill", point, self.random.randint(1, LATEST) if point in PER_BATCH else 1, run_id)
        if self.random.random() < WHOLE_DAEMONS * DEATHS_OF_A_RUN:
            yield Order("kill", self.random.choice(OTHER_POINTS))

    def _some_ended(self, under_way: set[str]) -> bool:
        """Whether some have, which are under way no more. Dead daemons are replaced meanwhile."""
        self._daemons = [one if one.popen.poll() is None else self._daemon() for one in self._daemons]
        live = self._ids("SELECT id FROM runs_syncjobrun WHERE status IN ('created', 'running')")
        ended = under_way - live
        under_way -= ended
        return bool(ended)

    def _judge(self) -> None:
        capped = self._ids(LOST) & self._ids("SELECT id FROM runs_syncjobrun WHERE status = 'failed'")
        completed = self.accounts.keys() - capped
        findings = Checker(self.stage, Expected(completed)).check("DSFX")
        findings += Checker(self.stage, Expected(capped, statuses=["failed"], whole=False)).check("S")
        for run_id in completed:
            self.stage.deck.account_id = self.accounts[run_id]
            findings += Checker(self.stage, Expected([run_id])).check("L")
        assert not findings, f"{len(findings)} findings:\n" + "\n".join(findings[:40])

    def _ids(self, query: str) -> set[str]:
        return {str(UUID(str(found))) for (found,) in self.stage.deck.rows(query)}
