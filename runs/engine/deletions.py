"""`delete_tracking`: records that are gone at the source are marked in the store, or removed (contract 3.6).

Only a run that has seen everything may say what is gone: without a date in the requests of the entry and of its
parents, to the last page, without an error. And it says nothing when more than half of the records would go, which is
far more often a source or a filter gone wrong.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from runs.connectors import placeholders_in
from runs.engine.bindings import DATE
from runs.engine.claim import Claim
from runs.engine.entry import Entry
from runs.engine.entry_options import SOFT
from runs.engine.events import add_event
from runs.engine.record_form import StorableRecord
from runs.models import EventKind, Record, RunStep, SeenRecord, SyncJobRun
from runs.models.base import Now, first_uuid7
from runs.models.run_state import RECORD_STORE

CLOCKS_APART = timedelta(hours=1)  # between the host that drew a record's id and the database, at most


def tracks_deletions(run: SyncJobRun, entry: Entry) -> bool:
    """Whether the entry looks after stored records; what goes to a webhook is not stored."""
    return entry.delete_tracking is not None and run.destination == RECORD_STORE


def note_seen(step: RunStep, records: Sequence[StorableRecord]) -> None:
    """Remember these records until the run ends. Belongs into the transaction that stores them."""
    rows = (SeenRecord(step=step, record_id=record.record_id) for record in records)
    SeenRecord.objects.bulk_create(rows, ignore_conflicts=True)


def mirror_deletions(claim: Claim, run: SyncJobRun, entry: Entry, lineage: Sequence[tuple[Entry, RunStep]]) -> None:
    """Mark or remove the entry's records that were not seen, if this run may say so; the timeline tells what was done.

    `lineage`: the entry with its step, and those of its parents. Safe to repeat. Raises LeaseLost or StopRequested.
    """
    if not tracks_deletions(run, entry) or not _has_seen_all(lineage):
        return
    depends_on_args = any(_names(of, "args") for of, _ in lineage)
    with transaction.atomic():
        claim.hold()
        stored = _stored(run, entry, same_args=depends_on_args)
        gone = _gone(stored, run, lineage[0][1])
        message = _carried_out(entry, run, gone, total=stored.count())
        if message:
            add_event(run.id, EventKind.DELETIONS, f"{entry.name}: {message}", claim.daemon_id)


def is_first_of_tracked(run: SyncJobRun) -> bool:
    """Whether later runs have to know of this ended one: it was the first to bring a record that is still there, and
    whose entry looks after those that runs with the same arguments have brought.

    Rather too often than too seldom: the definition is not parsed, which another version may have written.
    """
    definition = json.dumps(run.resources)
    if "delete_tracking" not in definition or not any(word in definition for word in ("args", "loop_on")):
        return False
    ended_at = run.finished_at
    assert ended_at is not None  # noqa: S101 - for the type checker: it has ended
    drawn = {"id__gte": first_uuid7(run.created_at - CLOCKS_APART), "id__lt": first_uuid7(ended_at + CLOCKS_APART)}
    return Record.objects.filter(integrated_account=run.integrated_account_id, first_run=run.id, **drawn).exists()


def _has_seen_all(lineage: Sequence[tuple[Entry, RunStep]]) -> bool:
    steps = RunStep.objects.in_bulk([step.id for _, step in lineage])
    rows = [(entry, steps[step.id]) for entry, step in lineage]
    return all(
        row.error_count == 0 and (row.previous_run_date is None or not _names(entry, DATE)) for entry, row in rows
    )


def _names(entry: Entry, root: str) -> bool:
    """Whether what the entry fetches may depend on this root of its placeholders and expressions."""
    paths = [path for placeholder in placeholders_in(entry.templates) for path in placeholder.paths]
    expressions = [entry.expression, entry.recurse and entry.recurse.condition]
    in_expression = any(root in expression.text for expression in expressions if expression)
    return in_expression or (root == "args" and entry.loop_on is not None) or any(_root(path) == root for path in paths)


def _root(path: str) -> str:
    return path.split(".")[0]


def _stored(run: SyncJobRun, entry: Entry, *, same_args: bool) -> QuerySet[Record]:
    """The records that the entry looks after. Where it depends on the arguments, those that runs with others have
    brought are out of its sight, and those of which it is not known."""
    records = Record.objects.filter(
        integrated_account=run.integrated_account_id, resource=entry.resource, deleted_at=None
    )
    same = SyncJobRun.objects.filter(id=OuterRef("first_run"), args_hash=run.args_hash)
    return records.filter(Exists(same)) if same_args else records


def _gone(stored: QuerySet[Record], run: SyncJobRun, step: RunStep) -> QuerySet[Record]:
    """Not seen, and not written since the run began: another run may have brought them meanwhile."""
    seen = SeenRecord.objects.filter(step=step, record_id=OuterRef("record_id"))
    return stored.filter(~Exists(seen), updated_at__lt=run.started_at)


def _carried_out(entry: Entry, run: SyncJobRun, gone: QuerySet[Record], *, total: int) -> str:
    count = gone.count()
    if count == 0:
        return ""
    records = "1 record is" if count == 1 else f"{count:,} records are"
    if count * 2 > total:
        return f"{records} gone at the source, more than half of {total:,}: none was touched."
    if entry.delete_tracking == SOFT:
        changes: dict[str, Any] = {"deleted_at": Now(), "updated_at": Now(), "last_run": run}
        gone.update(**changes)
        return f"{records} gone at the source, and marked as deleted."
    gone.delete()
    return f"{records} gone at the source, and removed."
