"""A batch of fetched pages, prepared for one transaction: what is stored, staged and recorded as an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from runs.connectors import MethodSpec, RequestFailed
from runs.engine.bindings import staged_data
from runs.engine.entries import Entry
from runs.engine.page_stream import Turn
from runs.engine.record_form import RefusedRecord, StorableRecord, cleaned, prepared, unmapped


@dataclass(frozen=True)
class Staging:
    """How the records of an entry are kept for its children: which fields of them (None: all)."""

    fields: frozenset[str] | None


@dataclass(frozen=True)
class Batch:
    """The turns of a batch, in order. Only the last one may be an error."""

    turns: Sequence[Turn]
    fetched: int
    stored: Sequence[StorableRecord]
    refused: Sequence[RefusedRecord]
    staged: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, turns: Sequence[Turn], entry: Entry, method: MethodSpec, staging: Staging | None) -> Batch:
        """Prepare the turns. Records of an entry that does not persist are counted and staged only."""
        id_path = method.record_id
        records = [(turn, record) for turn in turns if turn.page for record in turn.page.records]
        forms = [prepared(record, id_path) for _, record in records] if entry.persist else []
        raw_id = method.mapping.raw_id if method.mapping else id_path
        failed = [unmapped(record, raw_id) for turn in turns if turn.page for record in turn.page.unmapped]
        return cls(
            turns=turns,
            fetched=len(records) + len(failed),
            stored=[form for form in forms if isinstance(form, StorableRecord)],
            refused=[*failed, *(form for form in forms if isinstance(form, RefusedRecord))],
            staged=[] if staging is None else [_staged(entry, turn, record, staging) for turn, record in records],
        )

    @property
    def pages(self) -> int:
        return sum(turn.page is not None for turn in self.turns)

    @property
    def error(self) -> RequestFailed | None:
        return self.turns[-1].error

    @property
    def error_count(self) -> int:
        return len(self.refused) + (self.error is not None)

    @property
    def held_by(self) -> int:
        """How many of the errors hold the entry's date."""
        return sum(record.holds_date for record in self.refused) + (self.error is not None)

    @property
    def position(self) -> int:
        """The number of the first request that is not done after this batch."""
        last = self.turns[-1]
        return last.binding.number + (last.next_cursor is None)

    @property
    def cursor(self) -> dict[str, Any] | None:
        """The next page of that request; null for its first."""
        return self.turns[-1].next_cursor


def _staged(entry: Entry, turn: Turn, record: Any, staging: Staging) -> dict[str, Any]:
    data = staged_data(entry, record, staging.fields, inherited=turn.binding.roots["resources"])
    return cast("dict[str, Any]", cleaned(data))
