"""The one checker: what must hold after every row, judged over the source's ledger, the database and the receiver's.

L nothing lost, D nothing doubled, S the status is right and says why, T in time, F no write by a non-owner, X nothing
leaked or crossed tenants, A the rest keeps working. To be asked once everything has drained.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.deck import FINAL
from tests.faults import canaries, witness
from tests.faults.stage import Stage

RESCUE = 9.0  # seconds: the stage's lease and sweep, and five more
SHOWN = 3  # examples of each finding


@dataclass(frozen=True)
class Expected:
    """What the runs must have come to. `whole`: together they have fetched all that the source has in the end."""

    runs: Collection[str]
    statuses: Collection[str] = ("completed",)
    whole: bool = True
    errors: bool = False
    tables: Collection[str] = ("countries", "cities")


@dataclass
class Checker:
    """Collects findings, each with the letter of the invariant that it breaks."""

    stage: Stage
    expected: Expected
    findings: list[str] = field(default_factory=list)

    def check(self, letters: str) -> list[str]:
        """Every finding; none, if all is well."""
        for letter in letters:
            self.findings.extend(f"{letter}: {text}" for text in JUDGES[letter](self.stage, self.expected))
        return self.findings


def lost(stage: Stage, expected: Expected) -> Iterator[str]:
    """Every record of the source's final state is stored as it is, or acknowledged by the receiver."""
    if not expected.whole:
        return
    for table in expected.tables:
        there, wanted = _arrived(stage, table), stage.source.state(table)
        if missing := sorted(wanted.keys() - there.keys()):
            yield f"{len(missing)} of {len(wanted)} {table} are missing, such as {missing[:SHOWN]}"
        stale = [key for key in wanted.keys() & there.keys() if there[key] != wanted[key]]
        if stale:
            yield f"{len(stale)} {table} are not as the source has them, such as {sorted(stale)[:SHOWN]}"


def doubled(stage: Stage, expected: Expected) -> Iterator[str]:
    """One row per record, nothing that the source never gave, counts that agree with each other and with the rows."""
    for resource, record_id, count in stage.deck.rows(DOUBLED_ROWS):
        yield f"{count} rows of {resource} {record_id}"
    for table in expected.tables:
        given = stage.source.given.get(table, {})
        invented = [key for key, row in _arrived(stage, table).items() if row not in given.get(key, [])]
        if invented:
            yield f"{table} that the source never served: {sorted(invented)[:SHOWN]}"
    for run_id, run_sum, step_sum in stage.deck.rows(UNEQUAL_COUNTS):
        yield f"run {run_id} counts {run_sum}, its steps {step_sum}"
    if expected.whole and not expected.errors:
        yield from _miscounted(stage, expected)
    if stage.receiver is not None:
        yield from _badly_delivered(stage.receiver.bodies(), stage.receiver.records())


def _miscounted(stage: Stage, expected: Expected) -> Iterator[str]:
    """What a completed full run of an unchanged source has counted is what the source has."""
    has = {table: len(stage.source.tables[table]) for table in expected.tables}
    for run_id in expected.runs:
        run = stage.deck.run(run_id)
        if run["status"] != "completed":
            continue
        for table, count in has.items():
            counted = run["resource_stats"].get(table, {}).get("list")
            if counted != {"fetched": count, "persisted": count}:
                yield f"run {run_id} counts {counted} of {count} {table}"


def _badly_delivered(bodies: Mapping[str, set[bytes]], records: list[dict[str, Any]]) -> Iterator[str]:
    for event_id, different in bodies.items():
        if len(different) > 1:
            yield f"event {event_id} came with {len(different)} different bodies"
    counted = Counter(json.dumps(record, sort_keys=True) for record in records)
    twice = [text for text, count in counted.items() if count > 1]
    if twice:
        yield f"{len(twice)} records came in more than one event, such as {twice[:SHOWN]}"


def misstated(stage: Stage, expected: Expected) -> Iterator[str]:
    """Final, as expected, with a reason where one is due; never left again; nothing of a live run is left."""
    for run_id in expected.runs:
        run = stage.deck.run(run_id)
        if run["status"] not in FINAL or run["status"] not in expected.statuses:
            yield f"run {run_id} is {run['status']}, not {' or '.join(expected.statuses)}: {run['error']}"
        if run["status"] == "failed" and not (run["error"] and run["error"]["code"] and run["error"]["message"]):
            yield f"run {run_id} has failed and says {run['error']}"
        if bool(run["error_count"]) != expected.errors:
            yield f"run {run_id} counts {run['error_count']} errors"
        ends = [event for event in _events(stage, run_id) if event in FINAL]
        if ends != [run["status"]]:
            yield f"run {run_id} is {run['status']} and its timeline tells of {ends}"
    for row in stage.deck.rows(HALF_ENDED):
        yield f"run {row[0]} has ended and has still a lease or an open step"
    if stage.is_on_servers:
        for row in stage.deck.rows(witness.LEFT_FINAL_STATES):
            yield f"run {row[0]} went from {row[1]} to {row[2]}, written by {row[3]}"


def late(stage: Stage, expected: Expected) -> Iterator[str]:
    """Every lost daemon's run was taken over within the bound."""
    for run_id in expected.runs:
        for seconds in stage.silences(run_id):
            if seconds > RESCUE:
                yield f"run {run_id} was silent for {seconds:.1f} s before it was taken over"


def foreign_writes(stage: Stage, expected: Expected) -> Iterator[str]:
    """Each token wrote by one process, and nobody without one. The witness is in PostgreSQL only."""
    if not stage.is_on_servers:
        return
    for run_id, kind, writer in stage.deck.rows(witness.WRITES_UNDER_NO_TOKEN):
        yield f"{writer} wrote {kind} of run {run_id}, which nobody held"
    for run_id, _, writers in stage.deck.rows(witness.TOKENS_OF_SEVERAL):
        yield f"{' and '.join(writers)} wrote under one token of run {run_id}"


def leaked(stage: Stage, expected: Expected) -> Iterator[str]:
    """No planted secret is anywhere to be seen, and another tenant sees nothing at all."""
    yield from canaries.seen(stage, expected.runs)
    for path in ("/sync-job-run", "/sync-job", "/integrated-account", "/integration", "/record", "/webhook"):
        answer = stage.foreign.get(path)
        if answer.status_code != 200 or answer.json()["result"]:
            yield f"another tenant gets {answer.status_code} {answer.text[:200]} from {path}"
    for run_id in expected.runs:
        for path in (f"/sync-job-run/{run_id}{part}" for part in ("", "/entry", "/event", "/error")):
            if (status := stage.foreign.get(path).status_code) != 404:
                yield f"another tenant gets {status} from {path}"


def hindered(stage: Stage, expected: Expected) -> Iterator[str]:
    """Pages and API answer, and a run of another account completes."""
    for path in ("/healthz", "/ping"):
        if (status := stage.deck.api.get(path).status_code) != 200:
            yield f"{path} answers {status}"
    bystander = stage.executed(integrated_account_id=stage.account("bystander"))
    if (bystander["status"], bystander["error_count"]) != ("completed", 0):
        yield f"another account's run is {bystander['status']}: {bystander['error']}"


Judge = Callable[[Stage, Expected], Iterator[str]]
JUDGES: dict[str, Judge] = {
    "L": lost,
    "D": doubled,
    "S": misstated,
    "T": late,
    "F": foreign_writes,
    "X": leaked,
    "A": hindered,
}
DOUBLED_ROWS = """
    SELECT resource, record_id, count(*) FROM runs_record GROUP BY integrated_account_id, resource, record_id
    HAVING count(*) > 1"""
UNEQUAL_COUNTS = """
    SELECT run.id, run.persisted, sum(step.persisted) FROM runs_syncjobrun run JOIN runs_runstep step
      ON step.run_id = run.id GROUP BY run.id, run.persisted, run.fetched
    HAVING run.persisted <> sum(step.persisted) OR run.fetched <> sum(step.fetched)"""
HALF_ENDED = """
    SELECT DISTINCT run.id FROM runs_syncjobrun run LEFT JOIN runs_runstep step
      ON step.run_id = run.id AND step.status = 'running'
    WHERE run.status IN ('completed', 'failed', 'stopped')
      AND (run.lease_token IS NOT NULL OR run.lease_until IS NOT NULL OR step.id IS NOT NULL)"""


def _arrived(stage: Stage, table: str) -> dict[str, dict[str, Any]]:
    """By record id, what the store has of the account's, or what the receiver has acknowledged last."""
    if stage.receiver is not None:
        return _acknowledged(stage, table)
    account = stage.deck.account_id if stage.is_on_servers else stage.deck.account_id.replace("-", "")
    query = "SELECT record_id, data FROM runs_record WHERE resource = '{}' AND integrated_account_id = '{}'"
    rows = stage.deck.rows(query.format(table, account))
    return {key: json.loads(data) if isinstance(data, str) else data for key, data in rows}


def _acknowledged(stage: Stage, table: str) -> dict[str, dict[str, Any]]:
    assert stage.receiver is not None
    wanted = stage.source.key_of(table)
    payloads = [one.payload for one in stage.receiver.accepted("record")]
    return {str(row[wanted]): row for told in payloads if told["resource"] == table for row in told["records"]}


def _events(stage: Stage, run_id: str) -> list[str]:
    key = run_id if stage.is_on_servers else run_id.replace("-", "")
    return [kind for (kind,) in stage.deck.rows(f"SELECT kind FROM runs_runevent WHERE run_id = '{key}'")]
