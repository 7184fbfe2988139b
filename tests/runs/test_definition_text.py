"""The definition of a job as a text: importing what was exported makes the same job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.definition_text import body_text, comparable_text, definition_text, read_body, read_definition
from runs.errors import Failure
from runs.models import Integration, SyncJob
from runs.plain_yaml import NotPlain
from runs.services import save_job
from tests import factories

NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
OBJECTS = st.dictionaries(NAMES, PLAIN, max_size=4)
JOBS = st.fixed_dictionaries(
    {
        "label": NAMES.filter(str.strip),
        "args_schema": OBJECTS,
        "resources": st.lists(OBJECTS, max_size=4),
        "default_runtime_version": st.sampled_from([None, 1, 2]),
    }
)


@given(JOBS)
@settings(max_examples=200, deadline=None)
def test_what_is_exported_is_read_as_the_same(values: dict[str, Any]) -> None:
    job = SyncJob(integration=Integration(name="geo"), **values)
    read = read_definition(definition_text(job))
    assert (read.values, read.failures) == ({**values, "integration_name": "geo"}, [])
    body = {name: values[name] for name in ("args_schema", "resources")}
    assert read_body(body_text(job)).values == body


def test_a_stored_job_comes_back_from_its_text(environment: Any) -> None:
    job = factories.job(label="On: off", default_runtime_version=2, args_schema={"days": {"type": "integer"}})
    values = read_definition(definition_text(job)).values
    values.pop("integration_name")
    again = save_job(job.environment, {**values, "integration": job.integration})
    assert definition_text(again) == definition_text(job)
    assert again.resources == job.resources


def test_the_order_is_fixed_and_defaults_are_left_out() -> None:
    job = SyncJob(integration=Integration(name="geo"), label="Places", resources=[{"resource": "x", "method": "list"}])
    assert definition_text(job) == (
        "label: Places\nintegration_name: geo\nresources:\n  - resource: x\n    method: list\n"
    )


def test_entries_are_written_in_one_order_and_compared_whatever_their_order() -> None:
    entry = {"query": {"b": 1, "a": 2}, "odd": 3, "method": "list", "resource": "x"}
    jobs = [
        SyncJob(integration=Integration(name="geo"), label="Places", resources=[item])
        for item in (entry, dict(reversed(entry.items())) | {"query": {"a": 2, "b": 1}})
    ]
    assert [line.strip("- ") for line in body_text(jobs[0]).splitlines()] == [
        *("resources:", "resource: x", "method: list", "query:", "b: 1", "a: 2", "odd: 3")
    ]
    assert comparable_text(jobs[0]) == comparable_text(jobs[1])


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("arg_schema: {}", ["arg_schema"]),
        ("label: x\nresources: []", ["label"]),
        ("[1]", [""]),
        ("just a text", [""]),
        ("", []),
    ],
)
def test_names_that_do_not_belong_are_told(text: str, paths: list[str]) -> None:
    assert [failure.path for failure in read_body(text).failures] == paths


@pytest.mark.parametrize("text", ["label: 1\n", "", "label: ' '\n"])
def test_an_import_needs_a_label(text: str) -> None:
    assert Failure("label", "is required, as a text.") in read_definition(f"{text}integration_name: x").failures


def test_the_line_of_a_failure_is_found() -> None:
    read = read_body("resources:\n  - resource: x\n    method: list\n")
    assert read.line_of(Failure("resources.0.method", "…")) == 3
    assert read.line_of(Failure("args_schema", "…")) is None


def test_what_can_not_be_read_is_refused() -> None:
    with pytest.raises(NotPlain):
        read_body("a: [")
