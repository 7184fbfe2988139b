"""The plan of a job: its entries in the order in which they run, as far as they can be made out."""

from __future__ import annotations

from typing import Any

import pytest

from runs.models import Integration
from runs.services import EntryKind, job_plan, offered, plan_of
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration() -> Integration:
    return factories.mapping().integration


def listed(resource: str, **over: Any) -> dict[str, Any]:
    return {"resource": resource, "method": "list", **over}


def names(resources: Any) -> list[str]:
    return [planned.entry.name for planned in plan_of(resources)]


def test_parents_run_first_and_stand_above() -> None:
    resources = [listed("c", depends_on="b"), listed("b", depends_on="a"), listed("a"), listed("d")]
    plan = plan_of(resources)
    assert [(line.place, line.entry.name, line.depth) for line in plan] == [
        (1, "a", 0),
        (2, "b", 1),
        (3, "c", 2),
        (4, "d", 0),
    ]
    assert [line.has_children for line in plan] == [True, True, False, False]


def test_entries_are_of_four_kinds(integration: Integration) -> None:
    resources = [
        listed("countries"),
        listed("geo/places"),
        {"type": "spool", "name": "all", "depends_on": "countries"},
        {"type": "transform", "name": "slim", "depends_on": "all", "config": {"expression": "response.name"}},
    ]
    plan = plan_of(resources, integration)
    assert {line.entry.name: line.kind for line in plan} == {
        "countries": EntryKind.PROXY,
        "all": EntryKind.SPOOL,
        "slim": EntryKind.TRANSFORM,
        "geo/places": EntryKind.UNIFIED,
    }
    assert [line.expression for line in plan if line.kind is EntryKind.TRANSFORM] == ["response.name"]
    assert [line.entry.persist for line in plan if line.kind is EntryKind.UNIFIED] == [True]


def test_what_an_entry_reads_is_told_once_each() -> None:
    query = {"a": "{{args.slug}} and {{args.slug}}", "b": ["{{context.tenant|args.tenant}}", "{{previous_run_date}}"]}
    [planned] = plan_of([listed("x", query=query, loop_on="slugs")])
    assert planned.reads == ("args.slugs", "args.slug", "context.tenant", "args.tenant", "previous_run_date")


def test_what_recurses_tells_its_condition() -> None:
    recurse = {"if": "response.more", "config": {"query": {"parent": "{{resources.x.id}}"}}}
    [planned] = plan_of([listed("x", recurse=recurse)])
    assert (planned.recurses, planned.expression, planned.reads) == (True, "response.more", ("resources.x.id",))


class TestFaults:
    @pytest.mark.parametrize("resources", [None, {}, "x", 7, [], [None, 1, "x", {}], [{"resource": 1}]])
    def test_of_shape_leave_entries_out(self, resources: Any) -> None:
        assert plan_of(resources) == ()

    def test_of_one_entry_leave_the_others(self) -> None:
        assert names([listed("a"), {"method": "list"}, listed("b", depends_on="nothing")]) == ["a", "b"]

    def test_open_a_ring_at_one_place(self) -> None:
        ring = [listed(name, depends_on=parent) for name, parent in ("ab", "bc", "ca")]
        assert sorted(names([*ring, listed("d", depends_on="a")])) == ["a", "b", "c", "d"]
        assert names([listed("a", name="a", depends_on="a")]) == ["a"]

    def test_leave_one_of_two_with_the_same_name(self) -> None:
        assert names([listed("a", name="x"), listed("b", name="x")]) == ["x"]


def test_a_job_that_its_integration_has_left_behind_still_has_a_plan() -> None:
    job = factories.job()
    Integration.objects.update(config={"base_url": "nonsense"})
    job.integration.refresh_from_db()
    assert [line.entry.name for line in job_plan(job)] == ["countries", "cities"]
    assert offered(job.integration) == {}


def test_an_integration_offers_its_resources_and_the_unified_ones(integration: Integration) -> None:
    assert offered(integration) == {"countries": ["list", "get"], "cities": ["list"], "geo/places": ["list"]}
