"""The drawing of a plan: who stands where, and what is said in words beside it."""

from __future__ import annotations

from typing import Any

from dashboard.plan_graph import MOST_NODES, PlanGraph, plan_graph, shortened
from dashboard.plan_lines import PlanView
from runs.services import plan_of


def listed(resource: str, **over: Any) -> dict[str, Any]:
    return {"resource": resource, "method": "list", **over}


def drawn(*resources: dict[str, Any]) -> PlanGraph:
    graph = plan_graph(plan_of(list(resources)))
    assert graph is not None
    return graph


def places(graph: PlanGraph) -> dict[str, tuple[int, int]]:
    return {node.name: (node.layer, node.row) for node in graph.nodes}


def test_children_stand_right_of_their_parent_each_in_a_row_of_its_own() -> None:
    graph = drawn(listed("a"), listed("b", depends_on="a"), listed("c", depends_on="a"), listed("d"))
    assert places(graph) == {"a": (0, 0), "b": (1, 0), "c": (1, 1), "d": (0, 2)}
    assert [(edge.start.name, edge.end.name) for edge in graph.edges] == [("a", "b"), ("a", "c")]


def test_no_two_nodes_share_a_place() -> None:
    tree = [listed(f"n{number}", depends_on=f"n{(number - 1) // 2}") for number in range(1, 30)]
    graph = drawn(listed("n0"), *tree)
    assert len(set(places(graph).values())) == 30
    assert graph.width > max(node.x for node in graph.nodes)
    assert graph.height > max(node.y for node in graph.nodes)


def test_the_list_of_a_loop_is_a_node_before_those_that_loop_on_it() -> None:
    graph = drawn(listed("a", loop_on="ids"), listed("b", loop_on="ids"), listed("c", depends_on="a", loop_on="ids"))
    assert places(graph) == {"args.ids": (0, 0), "a": (1, 0), "c": (2, 0), "b": (1, 1)}
    assert [edge.is_loop for edge in graph.edges] == [False, True, True]
    assert [node.name for node in graph.entries] == ["a", "c", "b"]


def test_too_much_and_nothing_are_not_drawn() -> None:
    resources = [listed(f"n{number}") for number in range(MOST_NODES + 1)]
    assert plan_graph(plan_of(resources)) is None
    assert plan_graph(plan_of(resources[:-1])) is not None
    assert plan_graph(()) is None


def test_names_that_are_alike_keep_their_ends() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcde…hijk"


def test_the_words_say_how_often_each_entry_runs_and_what_becomes_of_its_records() -> None:
    view = PlanView.of(
        plan_of(
            [
                listed("a"),
                listed("b", depends_on="a", loop_on="args.ids", persist=True),
                listed("c", loop_on="ids"),
                {"type": "spool", "name": "all", "depends_on": "a"},
                {"type": "transform", "name": "slim", "depends_on": "all", "config": {"expression": "response"}},
            ]
        )
    )
    assert [(line.planned.entry.name, line.how_often, line.keeps) for line in view.lines] == [
        ("a", "once", "handed on"),
        ("b", "once for each record of a and each of args.ids", "stored"),
        ("c", "once for each of args.ids", "counted"),
        ("all", "once, on all of a together", "handed on"),
        ("slim", "on each page of all", "counted"),
    ]
    assert view.sentences.startswith("1. a, once. 2. b, once for each record of a")
