"""Parents come first, and a changed definition has a date of its own."""

from __future__ import annotations

from typing import Any

from runs.connectors import parse_integration
from runs.engine.entries import parse_entries
from runs.engine.plan import in_order, incremental_keys
from tests.factories import integration_config

SPEC = parse_integration(integration_config())


def entry(name: str, parent: str | None = None, **over: Any) -> dict[str, Any]:
    wanted = {} if parent is None else {"depends_on": parent}
    return {"resource": "countries", "method": "list", "name": name, **wanted, **over}


def order(*resources: dict[str, Any]) -> list[str]:
    return [each.name for each in in_order(parse_entries(list(resources), SPEC))]


def test_independent_entries_keep_the_order_given() -> None:
    assert order(entry("b"), entry("a"), entry("c")) == ["b", "a", "c"]


def test_a_parent_comes_before_its_child() -> None:
    assert order(entry("child", "parent"), entry("other"), entry("parent")) == ["parent", "child", "other"]


def test_a_chain_comes_from_its_root() -> None:
    assert order(entry("c", "b"), entry("b", "a"), entry("a")) == ["a", "b", "c"]


def keys(*resources: dict[str, Any], scope: dict[str, Any] | None = None) -> dict[str, str]:
    return incremental_keys(parse_entries(list(resources), SPEC), scope or {"job": "1"})


def test_a_key_changes_with_the_definition_of_the_entry_or_of_its_parent() -> None:
    before = keys(entry("parent"), entry("child", "parent"), entry("other"))
    after = keys(entry("parent", query={"a": 1}), entry("child", "parent"), entry("other"))
    assert {name for name in before if before[name] != after[name]} == {"parent", "child"}


def test_a_key_changes_with_the_scope() -> None:
    assert keys(entry("a"), scope={"job": "1"}) != keys(entry("a"), scope={"job": "2"})


def test_a_key_does_not_depend_on_the_order_of_the_entries() -> None:
    assert keys(entry("a"), entry("b")) == keys(entry("b"), entry("a"))
