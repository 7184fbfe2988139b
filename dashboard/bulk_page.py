"""All that the pages of bulk actions show: a line of the list, and one action part by part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.http import QueryDict
from django.utils import timezone

from dashboard.bulk_order import Words, filter_words
from dashboard.live import version_of
from dashboard.marks import Mark, bulk_mark, outcome_mark, run_mark
from runs.filters import NOT_LISTED, RunFilter
from runs.keyset import BadCursor, ListOrder, Page, keyset_page
from runs.models import BulkAction, BulkItem, BulkOutcome, User

PARTS = ("summary", "items")
LIMIT = 50
CHIPS = (BulkOutcome.DONE, BulkOutcome.ALREADY, BulkOutcome.REFUSED, BulkOutcome.CANCELLED, BulkOutcome.PENDING)
_UNLISTED = tuple(f"run__{path}" for path in (*NOT_LISTED, "args", "resources"))


@dataclass(frozen=True)
class ActionLine:
    """A bulk action as a line of the list. `filters`: what the confirmed filter said."""

    action: BulkAction
    mark: Mark
    filters: list[Words]


def action_lines(actions: Iterable[BulkAction], reader: User) -> list[ActionLine]:
    actions = list(actions)
    seen = reader.visible_environments()
    words = filter_words([RunFilter.from_params(QueryDict(action.query), seen) for action in actions])
    return [ActionLine(action, bulk_mark(action), of) for action, of in zip(actions, words, strict=True)]


@dataclass(frozen=True)
class OutcomeChip:
    """An outcome that a click narrows the list to, or back from; and how many runs came to it."""

    mark: Mark
    count: int
    chosen: bool
    address: str


@dataclass(frozen=True)
class BulkPage:
    """One action, and a page of its items as the address asks for. Read lazily."""

    action: BulkAction
    reader: User
    params: QueryDict

    @property
    def mark(self) -> Mark:
        return bulk_mark(self.action)

    @cached_property
    def filters(self) -> list[Words]:
        return action_lines([self.action], self.reader)[0].filters

    @property
    def outcome(self) -> str:
        """The one that the list is narrowed to; empty for all, and for one that there is not."""
        asked = self.params.get("outcome", "")
        return asked if asked in BulkOutcome.values else ""

    @property
    def chips(self) -> list[OutcomeChip]:
        """Cancelled ones are an exception, and shown where there are any."""
        counts = self.action.counts
        return [self._chip(outcome) for outcome in CHIPS if counts[outcome] or outcome != BulkOutcome.CANCELLED]

    @property
    def may_cancel(self) -> bool:
        return self.reader.can_operate and self.action.is_live

    @cached_property
    def items(self) -> Page[BulkItem]:
        """A cursor that is not ours gives the first page."""
        rows = self.action.items.select_related("run__sync_job", "run__integrated_account__integration", "other_run")
        rows = rows.defer(*_UNLISTED, "other_run__args", "other_run__resources")
        shown = rows.filter(outcome=self.outcome) if self.outcome else rows
        try:
            return keyset_page(shown, self.params.get("cursor"), LIMIT, order=ListOrder.OLDEST_FIRST)
        except BadCursor:
            return keyset_page(shown, None, LIMIT, order=ListOrder.OLDEST_FIRST)

    @property
    def lines(self) -> list[tuple[BulkItem, Mark, Mark | None]]:
        """Each item with the mark of its outcome, and of the other run that it names."""
        now = timezone.now()
        return [
            (item, outcome_mark(item.outcome), run_mark(item.other_run, now) if item.other_run else None)
            for item in self.items.rows
        ]

    @property
    def before(self) -> str | None:
        return self._turned(self.items.previous_cursor)

    @property
    def after(self) -> str | None:
        return self._turned(self.items.next_cursor)

    @property
    def here(self) -> str:
        """The query of the shown page, for the polls."""
        return self._query(outcome=self.outcome, cursor=self.params.get("cursor", ""))

    @cached_property
    def versions(self) -> dict[str, str]:
        action = self.action
        shown = ((item.pk, item.outcome) for item in self.items.rows)
        return {
            "summary": version_of(action.status, action.decided_count),
            "items": version_of(self.items.next_cursor is None, *shown),
        }

    def _chip(self, outcome: BulkOutcome) -> OutcomeChip:
        chosen = self.outcome == outcome
        address = self._query(outcome="" if chosen else outcome.value)
        return OutcomeChip(outcome_mark(outcome), self.action.counts[outcome], chosen, address)

    def _turned(self, cursor: str | None) -> str | None:
        return cursor and self._query(outcome=self.outcome, cursor=cursor)

    @staticmethod
    def _query(**given: str) -> str:
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in given.items() if value})
        return query.urlencode()
