"""GitLab, as the catalogue describes it, against GitLab, as its reference describes it."""

from __future__ import annotations

from typing import Any

import pytest

from runs.models import EventKind
from tests.catalog.conftest import Play
from tests.catalog.gitlab import GitLab, of_project
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "GitLab projects, issues, merge requests and pipelines"


@pytest.fixture
def gitlab(play: Play[GitLab]) -> GitLab:
    return play(GitLab)


def all_of(records: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for rows in records.values() for row in rows]


def test_the_example_job_comes_whole_through_a_limit_and_then_only_what_has_changed(gitlab: GitLab) -> None:
    gitlab.limit_request = 3
    integration = loaded(gitlab)
    of_account = account(integration, gitlab)
    run = synced(gitlab, LABEL, integration=integration, account=of_account)
    assert_clean(run)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1
    assert stored(run, "projects") == by_id(gitlab.all_projects)
    assert stored(run, "issues") == by_id(all_of(gitlab.issues_of))
    assert stored(run, "merge_requests") == by_id(all_of(gitlab.merge_requests_of))
    assert stored(run, "pipelines") == by_id(all_of(gitlab.pipelines_of))

    changed = of_project("Issue", 2, 5, title="Renamed", updated_at="2099-01-01T00:00:00.000Z")
    gitlab.issues_of[2][5] = changed
    second = synced(gitlab, LABEL, integration=integration, account=of_account)
    assert_clean(second)
    assert second.resource_stats()["issues"]["list"] == {"fetched": 1, "persisted": 1}
    assert stored(second, "issues")["2005"] == changed


def test_users_come_whole_by_keyset(gitlab: GitLab) -> None:
    run = synced(gitlab, [{"resource": "users", "method": "list", "persist": True}])
    assert_clean(run)
    assert stored(run, "users") == by_id(gitlab.all_users)
    assert [asked.query.get("id_after") for asked in gitlab.asked] == [None, ["100"]]
