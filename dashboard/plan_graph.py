"""The plan of a job as a drawing: entries in layers from left to right, each beside the one it waits for.

Numbers that a template draws; colours come from the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from runs.services import EntryKind, PlannedEntry

MOST_NODES = 60  # beyond it a drawing says less than the table below it
WIDTH, HEIGHT = 188, 64
GAP, LEAST_GAP = 44, 14
LONGEST_NAME, LONGEST_LINE = 19, 25
EDGE = 1  # around the drawing, so that no line is cut in half
CORNER = 6
_KINDS = {
    EntryKind.PROXY: gettext_lazy("proxy"),
    EntryKind.UNIFIED: gettext_lazy("unified"),
    EntryKind.TRANSFORM: gettext_lazy("transform"),
    EntryKind.SPOOL: gettext_lazy("spool"),
}


@dataclass(frozen=True)
class Node:
    """An entry, or the list of an argument that entries are repeated for, which has no `planned`."""

    name: str
    layer: int
    row: int
    planned: PlannedEntry | None = None

    @property
    def x(self) -> int:
        return EDGE + self.layer * (WIDTH + GAP)

    @property
    def y(self) -> int:
        return EDGE + self.row * (HEIGHT + LEAST_GAP)

    @property
    def middle(self) -> int:
        return self.y + HEIGHT // 2

    @property
    def shape(self) -> str:
        return "list" if self.planned is None else self.planned.kind.value

    @property
    def shown_name(self) -> str:
        return shortened(self.name, LONGEST_NAME)

    @property
    def work(self) -> str:
        """Whom it asks, and with which method."""
        if self.planned is None:
            return _("each of this list")
        kind, method = self.planned.kind, self.planned.entry.method
        derived = kind in (EntryKind.TRANSFORM, EntryKind.SPOOL)
        return kind_word(kind) if derived else shortened(f"{kind_word(kind)} · {method}", LONGEST_LINE)

    @property
    def keeps(self) -> str:
        return "" if self.planned is None else keeps(self.planned)

    @property
    def outline(self) -> str:
        """The path of a transform's hexagon."""
        left, right, top, low, cut = self.x, self.x + WIDTH, self.y, self.y + HEIGHT, 12
        return (
            f"M{left + cut} {top}H{right - cut}L{right} {self.middle}L{right - cut} {low}H{left + cut}"
            f"L{left} {self.middle}Z"
        )


@dataclass(frozen=True)
class Edge:
    """From what is waited for to what waits. `is_loop`: from an argument's list."""

    start: Node
    end: Node

    @property
    def is_loop(self) -> bool:
        return self.start.planned is None

    @property
    def path(self) -> str:
        """Straight, or down with round corners just before the layer of the end."""
        x1, y1, x2, y2 = self.start.x + WIDTH, self.start.middle, self.end.x - 6, self.end.middle
        if y1 == y2:
            return f"M{x1} {y1}H{x2}"
        bend, step = self.end.x - GAP // 2, CORNER if y2 > y1 else -CORNER
        return f"M{x1} {y1}H{bend - CORNER}q{CORNER} 0 {CORNER} {step}V{y2 - step}q0 {step} {CORNER} {step}H{x2}"

    @property
    def head(self) -> str:
        x, y = self.end.x, self.end.middle
        return f"M{x} {y}l-7 -4v8z"


@dataclass
class PlanGraph:
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @property
    def entries(self) -> list[Node]:
        return [node for node in self.nodes if node.planned is not None]

    @property
    def layers(self) -> int:
        return 1 + max(node.layer for node in self.nodes)

    @property
    def width(self) -> int:
        return 2 * EDGE + self.layers * (WIDTH + GAP) - GAP

    @property
    def height(self) -> int:
        return 2 * EDGE + (1 + max(node.row for node in self.nodes)) * (HEIGHT + LEAST_GAP) - LEAST_GAP


def plan_graph(plan: Sequence[PlannedEntry]) -> PlanGraph | None:
    """The drawing; None for a plan that has nothing to draw, or too much."""
    return _Layout(plan).drawn() if 0 < len(plan) <= MOST_NODES else None


def keeps(planned: PlannedEntry) -> str:
    """What becomes of an entry's records."""
    if planned.entry.persist:
        return _("stored")
    return _("handed on") if planned.has_children else _("counted")


def kind_word(kind: EntryKind) -> str:
    return str(_KINDS[kind])


def shortened(text: str, most: int) -> str:
    """The text with its middle left out: names that are alike differ at their ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"


class _Layout:
    """Every entry has one parent at most, so each tree takes as many rows as it has leaves, and no edges cross."""

    def __init__(self, plan: Sequence[PlannedEntry]) -> None:
        self.children: dict[str | None, list[PlannedEntry]] = {}
        self.loops: dict[str, list[PlannedEntry]] = {}
        for planned in plan:
            entry = planned.entry
            if entry.parent is None and entry.loop_on is not None:
                self.loops.setdefault(entry.loop_on, []).append(planned)
            else:
                self.children.setdefault(entry.parent, []).append(planned)
        self.graph = PlanGraph()
        self.next_row = 0

    def drawn(self) -> PlanGraph:
        for planned in self.children.get(None, []):
            self._place(planned, 0)
        for path, planned_ones in self.loops.items():
            source = Node(f"args.{path}", 0, self.next_row)
            self.graph.nodes.append(source)
            self._place_below(source, planned_ones)
        return self.graph

    def _place(self, planned: PlannedEntry, layer: int) -> Node:
        node = Node(planned.entry.name, layer, self.next_row, planned)
        self.graph.nodes.append(node)
        self._place_below(node, self.children.get(planned.entry.name, []))
        return node

    def _place_below(self, node: Node, children: Sequence[PlannedEntry]) -> None:
        """The first child stands beside its parent, each further one in a new row."""
        for child in children:
            self.graph.edges.append(Edge(node, self._place(child, node.layer + 1)))
        if not children:
            self.next_row += 1
