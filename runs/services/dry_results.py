"""What a dry run has found: values alone, bounded in number and size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from runs.connectors import FetchedPage, RequestPreview, masked_value
from runs.engine.entry import Entry
from runs.engine.record_form import RefusedRecord, cleaned
from runs.errors import ErrorInfo
from runs.habits import Usual
from runs.services.plans import PlannedEntry
from runs.services.run_request import RunRequest

SAMPLES = 3
SAMPLE_BYTES = 4_000
SAMPLE_START = 1_000  # characters of a larger one
SHOWN_REFUSED = 10


class DryOutcome(StrEnum):
    """What came of an entry."""

    FETCHED = "fetched"
    DERIVED = "derived"  # a transform or a spool worked on what its parent's first page has brought
    NOT_SENT = "not_sent"  # its requests change the source
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Sample:
    """A record as it would be stored, masked. Of one over `SAMPLE_BYTES` only the beginning, as a text."""

    record: Any
    excerpt: str
    size: int


@dataclass(frozen=True)
class DryEntry:
    """What an entry would do. `since` is its `previous_run_date`; `requests` how many it would make, None where that
    depends on what its parent brings. `unfilled` are placeholders of the request that have no value. `has_more`: there
    is a second page. `why` says why it was skipped.
    """

    planned: PlannedEntry
    outcome: DryOutcome
    since: datetime | None = None
    requests: int | None = None
    request: RequestPreview | None = None
    unfilled: tuple[str, ...] = ()
    status_code: int | None = None
    milliseconds: int = 0
    fetched: int = 0
    has_more: bool = False
    refused: tuple[RefusedRecord, ...] = ()
    refused_count: int = 0
    samples: tuple[Sample, ...] = ()
    error: ErrorInfo | None = None
    why: str = ""

    @property
    def entry(self) -> Entry:
        return self.planned.entry


@dataclass(frozen=True)
class DryRun:
    """`args` are those of the run, with their defaults. `usual`: what such runs bring and take, if that is known."""

    request: RunRequest
    args: Mapping[str, Any]
    entries: tuple[DryEntry, ...]
    milliseconds: int
    usual: Usual | None

    @property
    def is_well(self) -> bool:
        return not any(entry.outcome is DryOutcome.FAILED for entry in self.entries)

    def count(self, outcome: DryOutcome) -> int:
        return sum(entry.outcome is outcome for entry in self.entries)


def with_page(found: DryEntry, page: FetchedPage, refused: Sequence[RefusedRecord]) -> DryEntry:
    """The entry with what its page has brought."""
    return replace(
        found,
        status_code=page.status_code,
        fetched=page.fetched,
        has_more=page.next_cursor is not None,
        refused=tuple(refused[:SHOWN_REFUSED]),
        refused_count=len(refused),
        samples=tuple(_sample(record) for record in page.records[:SAMPLES]),
    )


def failed(found: DryEntry, error: ErrorInfo) -> DryEntry:
    """The entry with what went wrong."""
    return replace(found, outcome=DryOutcome.FAILED, error=error)


def _sample(record: Any) -> Sample:
    shown = masked_value(cleaned(record))
    text = json.dumps(shown, ensure_ascii=False)
    size = len(text.encode())
    return Sample(shown, "", size) if size <= SAMPLE_BYTES else Sample(None, text[:SAMPLE_START], size)
