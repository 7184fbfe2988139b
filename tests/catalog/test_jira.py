"""Jira, as the catalogue describes it, against Jira, as its reference describes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runs.models import EventKind
from tests.catalog.conftest import Play
from tests.catalog.jira import Jira, comment, issue, person, time_of
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "Jira projects and issues, as they are"


@pytest.fixture
def jira(play: Play[Jira]) -> Jira:
    return play(Jira)


def test_all_comes_whole_through_a_limit_and_then_only_what_has_changed(jira: Jira) -> None:
    jira.limit_request = 6
    jira.all_users[150]["active"] = False
    integration = loaded(jira)
    of_account = account(integration, jira)
    run = synced(jira, LABEL, integration=integration, account=of_account)
    assert_clean(run)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1
    assert stored(run, "projects") == by_id(jira.all_projects)
    assert stored(run, "issues") == by_id(jira.all_issues)
    assert stored(run, "users") == by_id([row for row in jira.all_users if row["active"]], "accountId")

    jira.now = run.started_at
    late = (run.started_at - timedelta(seconds=250)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")  # within the overlap
    jira.all_issues[7] = issue(8, summary="Renamed", updated=late)
    second = synced(jira, LABEL, integration=integration, account=of_account)
    assert_clean(second)
    assert second.resource_stats()["issues"]["list"] == {"fetched": 1, "persisted": 1}
    assert stored(second, "issues")["10008"]["fields"]["summary"] == "Renamed"


def test_issues_can_be_those_of_one_project(jira: Jira) -> None:
    jira.all_issues[0] = issue(1, project={"id": "10001", "key": "SEC", "name": "Secret"})
    run = synced(jira, [{"resource": "issues", "method": "list", "persist": True, "query": {"project": "SEC"}}])
    assert_clean(run)
    assert stored(run, "issues").keys() == {"10001"}


def test_the_unified_job_maps_field_by_field(jira: Jira) -> None:
    bare = {"description": None, "assignee": None, "priority": None, "labels": [], "duedate": "2024-05-01"}
    jira.all_issues = [issue(1), issue(2, **bare)]
    jira.all_users = [person("a1", "Mia Krystof"), person("a2", "Bot", accountType="app", emailAddress=None)]
    jira.comments_of = {"10001": [comment("10001", 0), comment("10001", 1)]}
    run = synced(jira, "Jira issues, comments and users, unified")
    assert_clean(run)
    assert stored(run, "ticketing/tickets") == {
        "10001": {
            "id": "10001",
            "number": "ED-1",
            "name": "Main order flow 1 broken",
            "description": "Main order\nSecond paragraph",
            "type": {"id": "10001", "name": "Bug"},
            "status": {"id": "3", "name": "active"},
            "priority": {"id": "2", "name": "High"},
            "assignees": [{"id": "a1", "name": "Mia Krystof"}],
            "created_by": {"id": "a2", "name": "Emma Richards", "type": "user"},
            "collections": [{"id": "10000", "name": "Example", "type": "project"}],
            "tags": [{"name": "bugfix"}, {"name": "blitz_test"}],
            "due_date": None,
            "completed_at": None,
            "urls": [{"type": "api", "url": "https://acme.atlassian.net/rest/api/3/issue/10001"}],
            "created_at": time_of(1),
            "updated_at": time_of(2),
            "remote_data": jira.all_issues[0],
        },
        "10002": {
            "id": "10002",
            "number": "ED-2",
            "name": "Main order flow 2 broken",
            "type": {"id": "10001", "name": "Bug"},
            "status": {"id": "3", "name": "closed"},
            "assignees": [],
            "created_by": {"id": "a2", "name": "Emma Richards", "type": "user"},
            "collections": [{"id": "10000", "name": "Example", "type": "project"}],
            "tags": [],
            "due_date": "2024-05-01",
            "completed_at": time_of(4),
            "urls": [{"type": "api", "url": "https://acme.atlassian.net/rest/api/3/issue/10002"}],
            "created_at": time_of(2),
            "updated_at": time_of(3),
            "remote_data": jira.all_issues[1],
        },
    }
    of_both = {"author": {"id": "a1", "name": "Mia Krystof"}, "ticket": {"id": "10001"}, "body": "Looks good to me"}
    assert stored(run, "ticketing/comments") == {
        f"10001{number}": {
            **of_both,
            "id": f"10001{number}",
            "is_private": number == 1,
            "created_at": time_of(number),
            "updated_at": time_of(number),
            "remote_data": jira.comments_of["10001"][number],
        }
        for number in range(2)
    }
    of_both = {"time_zone": "Australia/Sydney", "is_active": True}
    assert stored(run, "ticketing/users") == {
        "a1": {
            **of_both,
            "id": "a1",
            "name": "Mia Krystof",
            "emails": [{"email": "a1@example.com", "type": "primary"}],
            "role": "atlassian",
            "remote_data": jira.all_users[0],
        },
        "a2": {**of_both, "id": "a2", "name": "Bot", "emails": [], "role": "app", "remote_data": jira.all_users[1]},
    }
