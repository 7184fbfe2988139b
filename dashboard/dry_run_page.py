"""All that the page of a dry run shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.json_view import json_tree
from dashboard.marks import Kind, Mark
from dashboard.plan_lines import PlanLine
from runs.services import DryEntry, DryOutcome, DryRun

ANSWERS = (DryOutcome.FETCHED, DryOutcome.DERIVED)
_MARKS = {
    DryOutcome.FETCHED: (Kind.COMPLETED, _("Answers")),
    DryOutcome.DERIVED: (Kind.COMPLETED, _("Works")),
    DryOutcome.NOT_SENT: (Kind.STOPPED, _("Not sent")),
    DryOutcome.SKIPPED: (Kind.CREATED, _("Not tried")),
    DryOutcome.FAILED: (Kind.FAILED, _("Fails")),
}


@dataclass(frozen=True)
class DryLine:
    """One entry."""

    tried: DryEntry

    @property
    def mark(self) -> Mark:
        """A warning, where some of its records would be kept aside."""
        kind, word = _MARKS[self.tried.outcome]
        return Mark(Kind.WARNED if self.answers and self.tried.refused_count else kind, str(word))

    @property
    def plan(self) -> PlanLine:
        return PlanLine(self.tried.planned)

    @property
    def answers(self) -> bool:
        return self.tried.outcome in ANSWERS

    @property
    def body(self) -> str:
        """What the request sends; empty if it is nothing."""
        request = self.tried.request
        return "" if request is None or request.body is None else json.dumps(request.body, indent=2, ensure_ascii=False)

    @property
    def more_refused(self) -> int:
        return self.tried.refused_count - len(self.tried.refused)

    @cached_property
    def samples(self) -> list[tuple[SafeString | None, str, int]]:
        """Each as a tree, or as the beginning of its text, with its size in bytes."""
        return [
            (None if sample.excerpt else json_tree(sample.record), sample.excerpt, sample.size)
            for sample in self.tried.samples
        ]


@dataclass(frozen=True)
class DryRunPage:
    found: DryRun

    @cached_property
    def lines(self) -> list[DryLine]:
        return [DryLine(entry) for entry in self.found.entries]

    @property
    def answered(self) -> int:
        return sum(line.answers for line in self.lines)

    @property
    def failed(self) -> int:
        return self.found.count(DryOutcome.FAILED)

    @property
    def not_sent(self) -> int:
        return self.found.count(DryOutcome.NOT_SENT)

    @property
    def skipped(self) -> int:
        return self.found.count(DryOutcome.SKIPPED)
