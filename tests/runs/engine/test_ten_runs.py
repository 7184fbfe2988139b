"""Incremental runs over a source that changes while it is paged lose nothing (contract 3.5).

The world ages by an hour between two runs, in the database and at the source alike, so that what a run asks for is
really older than the overlap; nothing sleeps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from werkzeug import Request, Response

from runs.models import Record, RunStatus, RunStep, SyncJobRun
from runs.wire import known_time
from tests.runs.engine.driving import a_run, again, executed
from tests.sources import Source, json_response, serving

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = 10
HOUR = timedelta(hours=1)
PAGE = 7
ENTRY: dict[str, Any] = {
    "resource": "notes",
    "method": "list",
    "persist": True,
    "query": {"updated_since": "{{previous_run_date}}"},
}
# Oldest first, by a cursor that names the last record; newest first, by page numbers: what is changed meanwhile moves
# behind the reader, or to pages that it has read already.
ORDERS: dict[str, dict[str, Any]] = {
    "oldest first": {"format": "cursor", "config": {"cursor_key": "after", "cursor_path": "next"}},
    "newest first": {"format": "page", "config": {"page_key": "page", "limit": PAGE}},
}


@dataclass
class ChangingSource:
    """Notes with the time of their last change, in whole seconds of a clock that is off by `skew`."""

    order: str
    skew: timedelta
    chance: random.Random
    changes_per_page: int = 3
    failing: bool = False
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _age: timedelta = timedelta()

    def answer(self, request: Request) -> Response:
        page = self._page(request)
        for _ in range(self.changes_per_page):
            self.change()
        fails = self.failing and self.chance.random() < 0.5
        return Response("no", 404) if fails else json_response(page)

    def change(self) -> None:
        """A new note, or another text of an old one; several within a second have the same time."""
        key = str(self.chance.randrange(60))
        self.notes[key] = {"id": key, "text": self.chance.random(), "updated_at": self._now()}

    def grow_older(self, by: timedelta) -> None:
        self._age += by

    def _now(self) -> str:
        """In the source's own time, which is never set back: see `_asked`."""
        return known_time((timezone.now() + self.skew + self._age).replace(microsecond=0))

    def _asked(self, request: Request) -> str:
        """The date that was asked for, in the source's own time."""
        text = request.args.get("updated_since")
        return known_time(datetime.fromisoformat(text) + self._age) if text else ""

    def _page(self, request: Request) -> dict[str, Any]:
        asked = self._asked(request)
        found = [note for note in self.notes.values() if note["updated_at"] >= asked]
        if self.order == "newest first":
            found.sort(key=lambda note: (note["updated_at"], note["id"]), reverse=True)
            start = (int(request.args["page"]) - 1) * PAGE
            return {"data": found[start : start + PAGE]}
        found.sort(key=_place)
        rest = [note for note in found if _place(note) > request.args.get("after", "")]
        return {"data": rest[:PAGE], "next": _place(rest[PAGE - 1]) if len(rest) > PAGE else None}


def _place(note: dict[str, Any]) -> str:
    return f"{note['updated_at']} {note['id']}"


@contextmanager
def changing(order: str, skew: timedelta, seed: int) -> Iterator[tuple[Source, ChangingSource]]:
    notes = ChangingSource(order, skew, random.Random(seed))
    for _ in range(60):
        notes.change()
    with serving({}) as source:
        source.before = notes.answer
        yield source, notes


def world_ages(notes: ChangingSource, run: SyncJobRun) -> None:
    """An hour passes: all that the database and the source remember is an hour older."""
    notes.grow_older(HOUR)
    SyncJobRun.objects.filter(sync_job=run.sync_job).update(started_at=F("started_at") - HOUR)
    RunStep.objects.filter(run__sync_job=run.sync_job).update(watermark=F("watermark") - HOUR)


def ten_runs(source: Source, notes: ChangingSource, overlap: int) -> SyncJobRun:
    """Ten runs while the source changes, in every third of which requests may fail, and a quiet one."""
    method = {"path": "/notes", "response_path": "data", "pagination": ORDERS[notes.order]}
    config = {"incremental_overlap": overlap}
    run = a_run(source, [ENTRY], {"notes": {"list": method}}, config=config)
    run = executed(run)
    for number in range(1, RUNS):
        world_ages(notes, run)
        notes.failing = number % 3 == 0
        run = again(run)
    world_ages(notes, run)
    notes.failing, notes.changes_per_page = False, 0
    return again(run)


def is_lost(notes: ChangingSource) -> set[str]:
    """The notes that the store does not have as the source does."""
    stored = dict(Record.objects.filter(resource="notes").values_list("record_id", "data"))
    return {key for key, note in notes.notes.items() if stored.get(key) != note}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("skew", [-250, 0, 250])
def test_nothing_is_lost_over_ten_runs(order: str, skew: int) -> None:
    with changing(order, timedelta(seconds=skew), seed=skew) as (source, notes):
        last = ten_runs(source, notes, overlap=300)
        assert (last.status, last.error_count) == (RunStatus.COMPLETED, 0)
        assert is_lost(notes) == set()
    dates = [run.steps.get().previous_run_date for run in SyncJobRun.objects.order_by("created_at")]
    assert dates[0] is None
    assert all(dates[1:])
    failed = SyncJobRun.objects.filter(error_count__gt=0)
    assert failed.exists()
    assert SyncJobRun.objects.count() == RUNS + 1


def test_the_runs_fetch_less_than_everything() -> None:
    with changing("oldest first", timedelta(), seed=1) as (source, notes):
        last = ten_runs(source, notes, overlap=300)
    assert 0 < last.fetched < len(notes.notes)


def test_without_the_overlap_a_clock_that_is_behind_loses_records() -> None:
    """What the others would not notice, this world can show."""
    with changing("newest first", timedelta(seconds=-250), seed=3) as (source, notes):
        ten_runs(source, notes, overlap=0)
        assert is_lost(notes)
