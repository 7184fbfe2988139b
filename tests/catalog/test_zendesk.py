"""Zendesk, as the catalogue describes it, against Zendesk, as its reference describes it."""

from __future__ import annotations

from datetime import datetime

import pytest

from runs.models import EventKind
from tests.catalog.conftest import Play
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced
from tests.catalog.zendesk import Zendesk, comment, ticket, time_of, user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def zendesk(play: Play[Zendesk]) -> Zendesk:
    return play(Zendesk)


def test_all_resources_come_whole_through_a_limit_in_the_middle(zendesk: Zendesk) -> None:
    zendesk.limit_request = 5
    entries = [
        {"resource": "tickets", "method": "list", "persist": True},
        {
            "resource": "ticket_comments", "method": "list", "persist": True, "depends_on": "tickets",
            "query": {"ticket_id": "{{resources.tickets.id}}"},
        },
        {"resource": "users", "method": "list", "persist": True},
        {"resource": "organizations", "method": "list", "persist": True},
        {"resource": "groups", "method": "list", "persist": True},
    ]  # fmt: skip
    run = synced(zendesk, entries)
    assert_clean(run)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1
    assert stored(run, "tickets") == by_id(zendesk.all_tickets)
    assert stored(run, "ticket_comments") == by_id([row for rows in zendesk.all_comments.values() for row in rows])
    assert stored(run, "users") == by_id(zendesk.all_users)
    assert stored(run, "organizations") == by_id(zendesk.all_organizations)
    assert stored(run, "groups") == by_id(zendesk.all_groups)


def test_a_ticket_is_fetched_by_its_id(zendesk: Zendesk) -> None:
    run = synced(zendesk, [{"resource": "tickets", "method": "get", "id": "35007", "persist": True}])
    assert_clean(run)
    assert stored(run, "tickets") == {"35007": ticket(7)}


def test_the_second_run_asks_for_what_has_changed_since_the_first(zendesk: Zendesk) -> None:
    integration = loaded(zendesk)
    of_account = account(integration, zendesk)
    first = synced(zendesk, "Zendesk, as it is", integration=integration, account=of_account)
    assert_clean(first)
    assert stored(first, "tickets") == by_id(zendesk.all_tickets)

    changed = ticket(3, status="deleted", updated_at="2099-01-01T00:00:00Z")
    zendesk.all_tickets[3] = changed
    before = len(zendesk.asked)
    second = synced(zendesk, "Zendesk, as it is", integration=integration, account=of_account)
    assert_clean(second)
    assert second.resource_stats()["tickets"]["incremental"] == {"fetched": 1, "persisted": 1}
    assert stored(second, "tickets")["35003"] == changed
    asked = next(asked for asked in zendesk.asked[before:] if asked.path.endswith("/tickets/cursor"))
    since = datetime.fromtimestamp(int(asked.query["start_time"][0]), tz=first.started_at.tzinfo)
    assert asked.query.keys() == {"start_time", "per_page"}
    assert 299 <= (first.started_at - since).total_seconds() <= 301  # the overlap of late records


def test_the_unified_job_maps_field_by_field(zendesk: Zendesk) -> None:
    zendesk.all_tickets = [
        ticket(4, status="solved", due_at="2024-05-01T00:00:00Z"),
        ticket(5, status="new", type=None, priority=None, assignee_id=None, organization_id=None, tags=[]),
    ]
    zendesk.all_users = [
        user(1, "agent", phone="+45 12 34"),
        user(2, "admin", suspended=True),
        user(3, "end-user", details="Likes fire", tags=["vip"]),
    ]
    attachment = {"id": 498483, "file_name": "crash.log", "content_type": "text/plain", "size": 2532,
                  "content_url": "https://company.zendesk.com/attachments/crash.log"}  # fmt: skip
    zendesk.all_comments = {35004: [comment(35004, 0), comment(35004, 1, attachments=[attachment])], 35005: []}
    run = synced(zendesk, "Zendesk tickets, comments and people")
    assert_clean(run)
    assert stored(run, "ticketing/tickets") == {
        "35004": {
            "id": "35004",
            "number": "35004",
            "name": "Printer 4 is on fire",
            "description": "The fire of printer 4 is very colorful.",
            "type": {"id": "incident", "name": "incident"},
            "status": {"id": "solved", "name": "resolved"},
            "priority": {"id": "high", "name": "high"},
            "assignees": [{"id": "235323"}],
            "contact": {"id": "904"},
            "account": {"id": "509974"},
            "team": {"id": "98738"},
            "tags": [{"name": "enterprise"}, {"name": "other_tag"}],
            "due_date": "2024-05-01T00:00:00Z",
            "urls": [{"type": "api", "url": "https://acme.zendesk.com/api/v2/tickets/35004.json"}],
            "created_at": time_of(4),
            "updated_at": time_of(5),
            "remote_data": zendesk.all_tickets[0],
        },
        "35005": {
            "id": "35005",
            "number": "35005",
            "name": "Printer 5 is on fire",
            "description": "The fire of printer 5 is very colorful.",
            "status": {"id": "new", "name": "open"},
            "assignees": [],
            "contact": {"id": "905"},
            "team": {"id": "98738"},
            "tags": [],
            "due_date": None,
            "urls": [{"type": "api", "url": "https://acme.zendesk.com/api/v2/tickets/35005.json"}],
            "created_at": time_of(5),
            "updated_at": time_of(6),
            "remote_data": zendesk.all_tickets[1],
        },
    }
    assert stored(run, "ticketing/comments") == {
        "350040": {
            "id": "350040",
            "body": "Thanks for your help!",
            "html_body": "<p>Thanks for your help!</p>",
            "is_private": False,
            "author": {"id": "901"},
            "ticket": {"id": "35004"},
            "attachments": [],
            "created_at": time_of(0),
            "remote_data": zendesk.all_comments[35004][0],
        },
        "350041": {
            "id": "350041",
            "body": "Thanks for your help!",
            "html_body": "<p>Thanks for your help!</p>",
            "is_private": True,
            "author": {"id": "901"},
            "ticket": {"id": "35004"},
            "attachments": [
                {
                    "id": "498483",
                    "file_name": "crash.log",
                    "content_type": "text/plain",
                    "size": 2532,
                    "file_url": "https://company.zendesk.com/attachments/crash.log",
                }
            ],
            "created_at": time_of(1),
            "remote_data": zendesk.all_comments[35004][1],
        },
    }
    person = {"time_zone": "Europe/Copenhagen"}
    assert stored(run, "ticketing/users") == {
        "901": {
            **person,
            "id": "901",
            "name": "Johnny agent 1",
            "emails": [{"email": "johnny1@example.com", "type": "primary"}],
            "phones": [{"number": "+45 12 34", "type": "primary"}],
            "role": "agent",
            "is_active": True,
            "created_at": time_of(1),
            "updated_at": time_of(1),
            "remote_data": zendesk.all_users[0],
        },
        "902": {
            **person,
            "id": "902",
            "name": "Johnny admin 2",
            "emails": [{"email": "johnny2@example.com", "type": "primary"}],
            "phones": [],
            "role": "admin",
            "is_active": False,
            "created_at": time_of(2),
            "updated_at": time_of(2),
            "remote_data": zendesk.all_users[1],
        },
    }
    assert stored(run, "ticketing/contacts") == {
        "903": {
            "id": "903",
            "name": "Johnny end-user 3",
            "emails": [{"email": "johnny3@example.com", "type": "primary"}],
            "phones": [],
            "details": "Likes fire",
            "account": {"id": "509974"},
            "tags": [{"name": "vip"}],
            "is_active": True,
            "created_at": time_of(3),
            "updated_at": time_of(3),
            "remote_data": zendesk.all_users[2],
        }
    }
