"""GitHub, as the catalogue describes it, against GitHub, as its reference describes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runs.models import EventKind
from tests.catalog.conftest import Play
from tests.catalog.github import GitHub, numbered
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "GitHub repositories, issues and pull requests of an organization"
OF_REPO = {"owner": "{{resources.repos.owner.login}}", "repo": "{{resources.repos.name}}"}
ORG = {"org": "acme"}


@pytest.fixture
def github(play: Play[GitHub]) -> GitHub:
    return play(GitHub)


def all_of(records: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for rows in records.values() for row in rows]


def test_the_example_job_comes_whole_through_a_limit_in_the_middle(github: GitHub) -> None:
    github.limit_request = 3
    run = synced(github, LABEL, args=ORG)
    assert_clean(run)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1
    assert stored(run, "repos") == by_id(github.all_repos)
    assert stored(run, "issues") == by_id(all_of(github.issues_of))
    assert stored(run, "issue_comments") == by_id(all_of(github.comments_of))
    assert stored(run, "pulls") == by_id(all_of(github.pulls_of))


def test_commits_runs_and_members_come_whole(github: GitHub) -> None:
    of_repo = {"persist": True, "depends_on": "repos", "query": OF_REPO}
    entries = [
        {"resource": "repos", "method": "list_for_org", "query": ORG},
        {"resource": "commits", "method": "list", **of_repo},
        {"resource": "workflow_runs", "method": "list", **of_repo},
        {"resource": "users", "method": "list_for_org", "persist": True, "query": ORG},
    ]
    run = synced(github, entries)
    assert_clean(run)
    assert stored(run, "commits") == by_id(all_of(github.commits_of), "sha")
    assert stored(run, "workflow_runs") == by_id(all_of(github.runs_of))
    assert stored(run, "users") == by_id(github.all_members)


def test_every_request_names_the_version_and_asks_for_full_pages(github: GitHub) -> None:
    synced(github, LABEL, args=ORG)
    assert {asked.headers["X-Github-Api-Version"] for asked in github.asked} == {"2022-11-28"}
    assert {asked.headers["Accept"] for asked in github.asked} == {"application/vnd.github+json"}
    assert {tuple(asked.query["per_page"]) for asked in github.asked} == {("100",)}


def test_the_second_run_asks_for_what_has_changed_since_the_first(github: GitHub) -> None:
    integration = loaded(github)
    of_account = account(integration, github)
    first = synced(github, LABEL, integration=integration, account=of_account, args=ORG)
    changed = numbered("Issue", github.all_repos[0], 4, title="Renamed", updated_at="2099-01-01T00:00:00Z")
    github.issues_of["repo.0"][4] = changed
    late = [numbered("Pull", github.all_repos[0], n, updated_at="2099-01-01T00:00:00Z") for n in range(150)]
    github.pulls_of["repo.0"][:150] = late
    before = len(github.asked)
    second = synced(github, LABEL, integration=integration, account=of_account, args=ORG)
    assert_clean(second)
    assert [stored(second, "pulls")[str(row["id"])] for row in late] == late
    pages = [asked.query["page"] for asked in github.asked[before:] if asked.path == "/repos/acme/repo.0/pulls"]
    assert pages == [["1"], ["2"]]  # the third holds nothing that is new
    assert second.resource_stats()["issues"]["list"] == {"fetched": 1, "persisted": 1}
    assert stored(second, "issues")[str(changed["id"])]["title"] == "Renamed"
    since = first.started_at - timedelta(seconds=300)
    asked = github.requests("/repos/acme/repo.0/issues")[-1].query
    assert asked["since"] == [since.isoformat(timespec="milliseconds").replace("+00:00", "Z")]
    assert "owner" not in asked
