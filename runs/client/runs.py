"""Runs: started, watched, stopped, run again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Unpack
from uuid import UUID

from runs.client import objects
from runs.client.bodies import NewRun, RerunWishes
from runs.client.errors import WaitedTooLong
from runs.client.lists import MOST_ROWS, Listing
from runs.client.nouns import Found, Id, checked

LOOK_AGAIN = 1.0  # seconds
LATE = timedelta(seconds=10)  # an event is committed after its time, and may be so after a later one


class Runs(Found[objects.Run]):
    path = "sync-job-run"
    kind = objects.Run
    fields = frozenset(
        {
            *("id", "sync_job_id", "integrated_account_id", "webhook_id", "rerun_of_id", "environment_id", "status"),
            *("trigger", "error_handling", "daemon_id", "daemon_group_key", "created_by", "sync_job.integration_name"),
            *("ignore_previous_run", "version", "attempt", "error_count", "resource", "duration", "has_error"),
            *("fetched", "persisted", "created_at", "updated_at", "started_at", "finished_at", "stop_requested_at"),
            "rate_limited_until",
        }
    )
    entry_fields: ClassVar = frozenset({"id", "name", "resource", "method", "status"})
    event_fields: ClassVar = frozenset({"id", "kind", "actor", "created_at"})
    error_fields: ClassVar = frozenset(
        {
            *("id", "resource", "method", "record_id", "code", "status_code", "fingerprint", "is_quarantine"),
            "created_at",
        }
    )

    def create(self, **wishes: Unpack[NewRun]) -> objects.RunWithJob:
        """Raises Conflict while a run of the same job, account, args and destination lives, unless `force` is true."""
        return self._wire.ask(objects.RunWithJob, "POST", self.path, body=checked(wishes, NewRun))

    def get(self, id: Id) -> objects.RunWithJob:
        return self._wire.ask(objects.RunWithJob, "GET", self.path, id)

    def stop(self, id: Id) -> objects.RunWithJob:
        """Ask it to stop. One that has ended is answered unchanged."""
        return self._wire.ask(objects.RunWithJob, "POST", self.path, id, "stop")

    def rerun(self, id: Id, **wishes: Unpack[RerunWishes]) -> objects.RunWithJob:
        """The new run. Raises Conflict while this one lives."""
        return self._wire.ask(objects.RunWithJob, "POST", self.path, id, "rerun", body=checked(wishes, RerunWishes))

    def entries(self, id: Id) -> Listing[objects.Entry]:
        """How far each entry is, in their order."""
        return self._listing(objects.Entry, (self.path, id, "entry"), self.entry_fields, MOST_ROWS, "asc", {})

    def events(self, id: Id, *, page_size: int = 100, order: str = "desc", **filters: Any) -> Listing[objects.Event]:
        """Its timeline, the latest first."""
        path = (self.path, id, "event")
        return self._listing(objects.Event, path, self.event_fields, page_size, order, filters)

    def errors(self, id: Id, *, page_size: int = 100, order: str = "desc", **filters: Any) -> Listing[objects.RunError]:
        """The requests and records that went wrong in it, the latest first."""
        path = (self.path, id, "error")
        return self._listing(objects.RunError, path, self.error_fields, page_size, order, filters)

    def wait(self, id: Id, timeout: float | None = None, *, every: float = LOOK_AGAIN) -> objects.RunWithJob:
        """The run, once it has ended. Raises WaitedTooLong after `timeout` seconds; the run goes on then."""
        until = None if timeout is None else time.monotonic() + timeout
        while not (run := self.get(id)).has_ended:
            left = every if until is None else until - time.monotonic()
            if left <= 0:
                raise WaitedTooLong(f"Run {id} is still {run.status} after {timeout} s.")
            self._wire.pause(min(every, left))
        return run

    def follow(self, id: Id, *, every: float = LOOK_AGAIN) -> Iterator[objects.Event | objects.RunWithJob]:
        """The run as it is, then its events as they come, and the run anew after each look, until it has ended and all
        of its events have been told. The last item is the ended run."""
        told: dict[UUID, datetime] = {}
        while True:
            run = self.get(id)
            for event in self._since(id, told):
                told[event.id] = event.created_at
                yield event
            told = _latest(told)
            yield run
            if run.has_ended:
                return
            self._wire.pause(every)

    def _since(self, id: Id, told: dict[UUID, datetime]) -> Iterator[objects.Event]:
        newest = max(told.values(), default=None)
        since = {} if newest is None else {"created_at__gte": newest - LATE}
        known = frozenset(told)
        events = self.events(id, page_size=MOST_ROWS, order="asc", **since)
        return (event for event in events if event.id not in known)


def _latest(told: dict[UUID, datetime]) -> dict[UUID, datetime]:
    """Those that the next look may come upon again."""
    newest = max(told.values(), default=None)
    return told if newest is None else {id: at for id, at in told.items() if at >= newest - LATE}
