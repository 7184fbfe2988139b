"""A dry run on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator

from runs.services import DryEntry, DryOutcome, DryRun
from runs.wire import known_time
from runs.words import counted, harmless

WORDS = {
    DryOutcome.FETCHED: "answers",
    DryOutcome.DERIVED: "works",
    DryOutcome.NOT_SENT: "was not sent",
    DryOutcome.SKIPPED: "was not tried",
    DryOutcome.FAILED: "fails",
}


def lines_of(found: DryRun) -> Iterator[str]:
    """The plan, entry by entry, with what came of each; the sum at the end."""
    for entry in found.entries:
        yield from (harmless(line) for line in _entry_lines(entry))
    if found.usual is not None:
        seconds = found.usual.median.total_seconds()
        yield f"Such a run usually fetches {counted(found.usual.fetched, 'record')} in {seconds:,.0f} s."
    counts = [f"{found.count(outcome)} {WORDS[outcome]}" for outcome in DryOutcome if found.count(outcome)]
    yield f"Of {counted(len(found.entries), 'entry', 'entries')}: {', '.join(counts)}. Nothing was stored."


def _entry_lines(tried: DryEntry) -> Iterator[str]:
    entry = tried.entry
    below = f", for a record of {entry.parent}" if entry.parent else ""
    yield f"{tried.planned.place}. {entry.name} {WORDS[tried.outcome]}{below}"
    since = "" if tried.since is None else f"; fetches since {known_time(tried.since)}"
    if entry.makes_requests:
        count = "once for each record of its parent" if tried.requests is None else counted(tried.requests, "request")
        yield f"   {count}{since}"
    if tried.request is not None:
        yield f"   {tried.request.verb} {tried.request.url}"
        if tried.request.body is not None:
            yield f"   {json.dumps(tried.request.body, ensure_ascii=False)}"
    if tried.unfilled:
        yield f"   sent as it stands, since it has no value: {', '.join(tried.unfilled)}"
    if tried.why:
        yield f"   {tried.why}"
    if tried.error is not None:
        yield f"   {tried.error.code}: {tried.error.message}"
    if tried.outcome in (DryOutcome.FETCHED, DryOutcome.DERIVED):
        yield from _brought(tried)


def _brought(tried: DryEntry) -> Iterator[str]:
    more = ", and there are more" if tried.has_more else ""
    kept = "stored" if tried.entry.persist else "not stored, as it does not persist"
    yield f"   {tried.fetched:,} records on its first page{more}; {kept}; {tried.milliseconds:,} ms"
    for sample in tried.samples:
        yield f"   {sample.excerpt + '…' if sample.record is None and sample.excerpt else _json(sample.record)}"
    for record in tried.refused:
        yield f"   kept aside: {record.sentence}"
    if tried.refused_count > len(tried.refused):
        yield f"   and {tried.refused_count - len(tried.refused):,} more kept aside"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
