"""`manage.py runs`: list, show, stop, rerun and tail, with the API's filters and the API's objects as JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console

from runs.acting import Actor, acting
from runs.keyset import BadCursor, keyset_page
from runs.lookups import MAX_LIMIT
from runs.management.commands.sync import who_types
from runs.management.progress import last_lines
from runs.management.refusals import refusals_told
from runs.management.run_listing import event_json, facts_of, matching, run_json, run_named, runs_of, steps_of, table_of
from runs.models import Action, RunEvent, SyncJobRun
from runs.services import request_stop, rerun
from runs.wire import wire_bytes
from runs.words import EXIT_CODES, INTERRUPTED, event_in_words, stop_in_words

LOOK_AGAIN = 0.5  # seconds
LATE = timedelta(seconds=10)  # an event is committed after its time, and may be so after a later one
SHOWN_EVENTS = 10
WIDE = 240  # columns where nobody watches: a table in a file or a pipe is not to be cut


class Command(BaseCommand):
    help = "List, show, stop, rerun and follow runs."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|stop|rerun|tail")
        listing = verbs.add_parser("list", help="Newest first.")
        listing.add_argument(
            "filters", nargs="*", metavar="FILTER", help="As in the API: status=failed, created_at[gte]=…"
        )
        listing.add_argument("--limit", type=int, default=20)
        listing.add_argument("--cursor", help="Where to go on: what the page before has told.")
        for verb, words in (("show", "One run."), ("tail", "Print a run's events until it ends.")):
            verbs.add_parser(verb, help=words).add_argument("run", metavar="ID")
        verbs.add_parser("stop", help="Ask runs to stop.").add_argument("runs", nargs="+", metavar="ID")
        again = verbs.add_parser("rerun", help="Run the same again.")
        again.add_argument("run", metavar="ID")
        again.add_argument("--ignore-previous-run", action="store_true", help="Fetch everything, not only news.")
        for one in verbs.choices.values():
            one.add_argument("--json", action="store_true", dest="as_json", help="The API's objects.")
            one.add_argument("--environment", metavar="NAME", help="Runs of this environment alone.")

    def handle(self, *, verb: str, **options: Any) -> None:
        self._as_json: bool = options["as_json"]
        self._environment: str | None = options["environment"]
        self._console = Console() if sys.stdout.isatty() else Console(width=WIDE)
        with acting(Actor(who_types())), refusals_told():
            getattr(self, f"_{verb}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        limit = min(max(options["limit"], 1), MAX_LIMIT)
        runs = matching(runs_of(self._environment), options["filters"]).prefetch_related("steps")
        try:
            page = keyset_page(runs, options["cursor"], limit)
        except BadCursor as error:
            raise CommandError(str(error)) from error
        if self._as_json:
            result = [run_json(run) for run in page.rows]
            return self._write({"result": result, "next_cursor": page.next_cursor, "limit": limit})
        if not page.rows:
            return self._console.print("No run matches." if options["filters"] else "There are no runs yet.")
        self._console.print(table_of(page.rows, timezone.now(), self._console.width))
        if page.next_cursor:
            self._console.print(f"\nThere are more: --cursor {page.next_cursor}", highlight=False, soft_wrap=True)
        return None

    def _show(self, options: dict[str, Any]) -> None:
        run = run_named(options["run"], self._environment)
        events = list(run.events.order_by("-created_at", "-id")[:SHOWN_EVENTS])[::-1]
        if self._as_json:
            return self._write({**run_json(run), "events": [event_json(event) for event in events]})
        self._console.print(facts_of(run))
        self._console.print(f"\n{settings.PUBLIC_URL}/runs/{run.pk}/\n", highlight=False, soft_wrap=True)
        self._console.print(steps_of(run, self._console.width))
        self._console.print()
        return self._tell(events)

    def _stop(self, options: dict[str, Any]) -> None:
        """All are found before any is stopped."""
        runs = [run_named(text, self._environment) for text in options["runs"]]
        stopped = [(run, request_stop(run, actor=who_types())) for run in runs]
        if self._as_json:
            return self._write({"result": [run_json(after) for _, after in stopped]})
        for before, after in stopped:
            outcome = stop_in_words(had_ended=not before.can(Action.STOP), status=after.status)
            self.stdout.write(f"{after.pk}: {outcome}")
        return None

    def _rerun(self, options: dict[str, Any]) -> None:
        run = run_named(options["run"], self._environment)
        new = rerun(run, actor=who_types(), ignore_previous_run=options["ignore_previous_run"])
        return (
            self._write(run_json(new)) if self._as_json else self.stdout.write(f"{settings.PUBLIC_URL}/runs/{new.pk}/")
        )

    def _tail(self, options: dict[str, Any]) -> None:
        """Ctrl-C ends the looking on, not the run."""
        run = run_named(options["run"], self._environment)
        try:
            for events in _followed(run.pk):
                self._tell(events)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        ended = SyncJobRun.objects.get(pk=run.pk)
        if not self._as_json:
            self.stdout.write(last_lines(ended))
        sys.exit(EXIT_CODES[ended.status])

    def _tell(self, events: list[RunEvent]) -> None:
        for event in events:
            if self._as_json:
                self._write(event_json(event))
            else:
                self.stdout.write(event_in_words(event.created_at, event.kind, event.message))
        self.stdout.flush()

    def _write(self, value: Any) -> None:
        self.stdout.write(wire_bytes(value).decode())


def _followed(run_id: UUID) -> Iterator[list[RunEvent]]:
    """The run's events as they come, until it has ended and all have been told."""
    told: dict[UUID, Any] = {}
    while True:
        has_ended = not SyncJobRun.objects.live().filter(pk=run_id).exists()
        newest = max(told.values(), default=None)
        events = RunEvent.objects.filter(run=run_id).order_by("created_at", "id")
        since = events if newest is None else events.filter(created_at__gte=newest - LATE)
        fresh = [event for event in since if event.pk not in told]
        told = {key: at for key, at in told.items() if newest is None or at >= newest - LATE}
        told |= {event.pk: event.created_at for event in fresh}
        yield fresh
        if has_ended:
            return
        time.sleep(LOOK_AGAIN)
