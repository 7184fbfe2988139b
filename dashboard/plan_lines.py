"""The plan of a job in words: what `plan_graph` draws, as lines of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.plan_graph import PlanGraph, keeps, kind_word, plan_graph, shortened
from runs.services import EntryKind, PlannedEntry

LONGEST_NAME = 40
DEEPEST = 6  # levels that are told apart by their indentation


@dataclass(frozen=True)
class PlanLine:
    planned: PlannedEntry

    @property
    def indent(self) -> int:
        return min(self.planned.depth, DEEPEST)

    @property
    def how_often(self) -> str:
        """In the middle of a sentence that begins with the entry's name."""
        entry, kind = self.planned.entry, self.planned.kind
        parent, looped = (shortened(name or "", LONGEST_NAME) for name in (entry.parent, entry.loop_on))
        if kind is EntryKind.TRANSFORM:
            return _("on each page of {parent}").format(parent=parent)
        if kind is EntryKind.SPOOL:
            return _("once, on all of {parent} together").format(parent=parent)
        if parent and looped:
            both = _("once for each record of {parent} and each of args.{looped}")
            return both.format(parent=parent, looped=looped)
        if parent:
            return _("once for each record of {parent}").format(parent=parent)
        return _("once for each of args.{looped}").format(looped=looped) if looped else _("once")

    @property
    def kind(self) -> str:
        return kind_word(self.planned.kind)

    @property
    def keeps(self) -> str:
        return keeps(self.planned)


@dataclass(frozen=True)
class PlanView:
    """A plan's drawing, if there is one, and its lines in the order in which they run."""

    lines: list[PlanLine]
    graph: PlanGraph | None

    @classmethod
    def of(cls, plan: Sequence[PlannedEntry]) -> PlanView:
        return cls([PlanLine(planned) for planned in plan], plan_graph(plan))

    @property
    def sentences(self) -> str:
        """The plan as a text, for those who can't see the drawing."""
        return " ".join(f"{line.planned.place}. {line.planned.entry.name}, {line.how_often}." for line in self.lines)
