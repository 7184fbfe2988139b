"""A batch of fetched pages, prepared for one transaction: what is stored, staged and recorded as an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from runs.connectors import FetchedPage, MethodSpec, RequestFailed, Slices
from runs.engine.bindings import kept_fields, staged_data
from runs.engine.entry import Entry
from runs.engine.page_stream import Turn
from runs.engine.record_form import (
    LACKS_ID,
    Form,
    RefusedRecord,
    StorableRecord,
    cleaned,
    prepared,
    prepared_slices,
    too_deep,
    unmapped,
)
from runs.models import FurtherRequest

DERIVED_ID = "id"  # where the records of transforms and spools have theirs


@dataclass(frozen=True)
class Staging:
    """How the records of an entry are kept for its children: which fields of them (None: all)."""

    fields: frozenset[str] | None

    def kept(self, record: Any) -> Any:
        return kept_fields(record, self.fields)


def nothing_kept(record: Any) -> None:
    """Of an entry without children: its records are written, and needed no further."""


@dataclass(frozen=True)
class StagedRecord:
    """What is kept of one record. `page`: the how manieth of its batch's pages it came with, from 0 on."""

    page: int
    data: dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """The turns of a batch, in order. Only the last one may be an error."""

    turns: Sequence[Turn]
    fetched: int
    stored: Sequence[StorableRecord]
    refused: Sequence[RefusedRecord]
    staged: Sequence[StagedRecord]
    further: Sequence[FurtherRequest] = ()

    @classmethod
    def of(cls, turns: Sequence[Turn], entry: Entry, staging: Staging | None) -> Batch:
        """Join the turns, whose pages have been `prepared_page`."""
        forms = [form for turn in turns for form in turn.forms]
        return cls(
            turns=turns,
            fetched=sum(turn.page.fetched for turn in turns if turn.page),
            stored=[form for form in forms if isinstance(form, StorableRecord)],
            refused=[form for form in forms if isinstance(form, RefusedRecord)],
            staged=[] if staging is None else _all_staged(entry, turns, staging),
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


def prepared_page(page: FetchedPage, entry: Entry, method: MethodSpec | None) -> list[Form]:
    """The page's records as they are written, or why they are refused. Touches no database.

    Records of an entry that does not persist are counted and staged only. `method` is what the entry calls; None for a
    transform or a spool. A write may be answered by anything: what has no id then is not stored, and no error.
    """
    id_path = id_path_of(method)
    raw_id = method.mapping.raw_id if method and method.mapping else id_path
    forms: list[Form] = [unmapped(record, raw_id) for record in page.unmapped]
    forms += [too_deep(record, raw_id) for record in page.too_deep]
    if entry.persist:
        forms += _prepared_all(page, id_path)
    if method is not None and method.is_write:
        return [form for form in forms if isinstance(form, StorableRecord) or form.code not in LACKS_ID]
    return forms


def _prepared_all(page: FetchedPage, id_path: str) -> list[Form]:
    if isinstance(page.records, Slices):
        return prepared_slices(page.records, id_path)
    return [prepared(record, id_path, is_plain=page.is_plain) for record in page.records]


def id_path_of(method: MethodSpec | None) -> str:
    """Where the records that the method brings have their id."""
    return DERIVED_ID if method is None else method.record_id


def _all_staged(entry: Entry, turns: Sequence[Turn], staging: Staging) -> list[StagedRecord]:
    pages = [(turn, turn.page) for turn in turns if turn.page]
    return [
        StagedRecord(page_number, staged(entry, turn, record, staging))
        for page_number, (turn, page) in enumerate(pages)
        for record in page.records
    ]


def staged(entry: Entry, turn: Turn, record: Any, staging: Staging) -> dict[str, Any]:
    """What those that depend on the record see as `resources`, as every database can keep it."""
    data = staged_data(entry, record, staging.fields, inherited=turn.binding.roots["resources"])
    return cast("dict[str, Any]", cleaned(data))
