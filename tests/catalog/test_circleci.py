"""CircleCI, as the catalogue describes it, against CircleCI, as its reference describes it."""

from __future__ import annotations

import pytest

from runs.errors import InvalidInput
from runs.models import EventKind
from tests.catalog.circleci import SLUG, CircleCI
from tests.catalog.conftest import Play
from tests.catalog.stage import assert_clean, by_id, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "CircleCI pipelines of a project"


@pytest.fixture
def circleci(play: Play[CircleCI]) -> CircleCI:
    return play(CircleCI)


def test_the_seeds_job_brings_pipelines_workflows_and_jobs_through_a_limit(circleci: CircleCI) -> None:
    circleci.limit_request = 10
    run = synced(circleci, LABEL, args={"project_slug": SLUG})
    assert_clean(run)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1
    assert stored(run, "pipelines") == by_id(circleci.all_pipelines)
    assert stored(run, "workflows") == by_id(list(circleci.all_workflows.values()))
    assert stored(run, "jobs") == by_id([job for jobs in circleci.all_jobs.values() for job in jobs])


def test_the_slug_stands_in_the_path_and_nowhere_else(circleci: CircleCI) -> None:
    synced(circleci, LABEL, args={"project_slug": SLUG})
    asked = circleci.requests("/api/v2/project/gh%2Facme%2Fwebsite/pipeline")
    assert [request.query for request in asked] == [{}, {"page-token": ["t20"]}, {"page-token": ["t40"]}]


def test_the_job_can_not_be_run_without_the_slug(circleci: CircleCI) -> None:
    with pytest.raises(InvalidInput, match="project_slug"):
        synced(circleci, LABEL)


def test_contexts_are_those_of_an_owner(circleci: CircleCI) -> None:
    entry = {"resource": "contexts", "method": "list", "persist": True, "query": {"owner-slug": "gh/acme"}}
    run = synced(circleci, [entry])
    assert_clean(run)
    assert stored(run, "contexts") == by_id(circleci.all_contexts)
