"""`recurse`: records of an entry that lead to further requests of the same entry, such as folders in folders.

The further requests are numbered behind the first ones, in the order in which their records came, and kept as rows that
commit with the page that led to them. So a resumed run goes on at the same number, and asks nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from runs.connectors import ExpressionFailed, FetchedPage
from runs.engine.batch import Batch, Staging, staged
from runs.engine.bindings import Binding, Roots, loop_elements, staged_fields
from runs.engine.entry import Entry
from runs.engine.entry_options import Recurse
from runs.engine.page_stream import Turn
from runs.engine.record_form import RefusedRecord, fault_of
from runs.hashing import digest
from runs.models import FurtherRequest

MAX_DEPTH = 50
MAX_REQUESTS = 100_000
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class JudgedPage(FetchedPage):
    """A page of which it is known which records lead to further requests, and which could not be asked."""

    chosen: Sequence[Any] = ()
    faults: Sequence[RefusedRecord] = ()


class Recursion:
    """The further requests of one step: those that wait, and those that a batch adds.

    Guarantee: it ends. The same request (id, query and body) is made once per step, at most `MAX_DEPTH` levels below a
    first one, at most `MAX_REQUESTS` times in all; what is left out is an error that holds the entry's date.
    """

    def __init__(
        self, entry: Entry, recurse: Recurse, step_id: UUID, roots: Roots, *, first_total: int, id_path: str
    ) -> None:
        """`first_total`: how many requests the entry makes without recursion; `id_path`: where its records' id is."""
        self._entry = entry
        self._condition = recurse.condition
        self._id_path = id_path
        self._step_id = step_id
        self._roots = roots
        self._first_total = first_total
        self._elements = loop_elements(entry, roots["args"])
        self._staging = Staging(staged_fields(entry, [entry]))
        self._count = self._rows().count()

    @property
    def total(self) -> int:
        """All requests of the step that are known so far."""
        return self._first_total + self._count

    def bindings(self, position: int) -> Iterator[Binding]:
        """The further requests from this number on; also those that are added while it is read."""
        first = max(0, position - self._first_total)
        while found := list(self._rows().filter(sequence__gte=first).order_by("sequence")[:ROWS_AT_ONCE]):
            yield from (self._binding(row) for row in found)
            first = found[-1].sequence + 1

    def judged(self, page: FetchedPage, binding: Binding, look: Callable[[], None]) -> JudgedPage:
        """The page with its records judged. Belongs into the fetching threads: expressions may take their time.

        `look` is called before each record, and raises what ends the work.
        """
        chosen: list[Any] = []
        faults: list[RefusedRecord] = []
        for record in page.records:
            look()
            try:
                if self._condition.evaluate({**binding.roots, "response": record}):
                    chosen.append(record)
            except ExpressionFailed as error:
                reason = f"can't be asked whether it leads to more: {error}"
                faults.append(fault_of(record, self._id_path, "recurse_failed", reason))
        return JudgedPage(**vars(page), chosen=chosen, faults=faults)

    def extended(self, batch: Batch) -> Batch:
        """The batch with the requests that its records lead to, and with the faults met on the way.

        Reads the database, so it belongs into the run's own thread; it writes nothing.
        """
        pages = [(turn, turn.page) for turn in batch.turns if isinstance(turn.page, JudgedPage)]
        faults = [fault for _, page in pages for fault in page.faults]
        rows = self._new([row for turn, page in pages for row in self._led_to(turn, page.chosen)])
        kept = self._within_bounds(rows, faults)
        further = [row for row in kept if row.sequence is not None]
        self._count += len(further)
        return replace(batch, further=kept, refused=[*batch.refused, *faults])

    def _rows(self) -> Any:
        return FurtherRequest.objects.filter(step=self._step_id).exclude(sequence=None)

    def _binding(self, row: FurtherRequest) -> Binding:
        args = self._elements[row.origin % len(self._elements)]
        roots = {**self._roots, "args": args, "resources": row.resources}
        return Binding(self._first_total + (row.sequence or 0), roots, origin=row.origin, depth=row.depth)

    def _led_to(self, turn: Turn, chosen: Sequence[Any]) -> Iterator[FurtherRequest]:
        """A row per chosen record, after one for the first request that they stem from."""
        if chosen and turn.binding.depth == 0:
            yield self._row(turn.binding, {})
        for record in chosen:
            resources = staged(self._entry, turn, record, self._staging)
            roots = {**turn.binding.roots, "resources": resources}
            below = Binding(0, roots, origin=turn.binding.first, depth=turn.binding.depth + 1)
            yield self._row(below, resources)

    def _row(self, binding: Binding, resources: Mapping[str, Any]) -> FurtherRequest:
        return FurtherRequest(
            step_id=self._step_id,
            origin=binding.first,
            depth=binding.depth,
            digest=digest(binding.values(self._entry)),
            resources=resources,
        )

    def _new(self, rows: list[FurtherRequest]) -> list[FurtherRequest]:
        """Those that ask what has not been asked yet, each once."""
        by_digest: dict[str, FurtherRequest] = {}
        for row in rows:
            by_digest.setdefault(row.digest, row)
        wanted = list(by_digest)
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            known = FurtherRequest.objects.filter(step=self._step_id, digest__in=wanted[start : start + ROWS_AT_ONCE])
            for found in known.values_list("digest", flat=True):
                del by_digest[found]
        return list(by_digest.values())

    def _within_bounds(self, rows: Iterable[FurtherRequest], faults: list[RefusedRecord]) -> list[FurtherRequest]:
        """The rows, numbered, without those that go too deep or are too many. Each bound is told once per batch."""
        kept: list[FurtherRequest] = []
        count, too_deep, too_many = self._count, 0, 0
        for row in rows:
            if row.depth > MAX_DEPTH:
                too_deep += 1
            elif row.depth and count >= MAX_REQUESTS:
                too_many += 1
            else:
                row.sequence = count if row.depth else None
                count += bool(row.depth)
                kept.append(row)
        if too_deep:
            faults.append(_left_out("recursion_too_deep", f"is followed {MAX_DEPTH} levels deep, and no deeper."))
        if too_many:
            faults.append(_left_out("recursion_too_long", f"leads to more than {MAX_REQUESTS:,} requests."))
        return kept


def _left_out(code: str, reason: str) -> RefusedRecord:
    return RefusedRecord("", code, reason, "", holds_date=True)
