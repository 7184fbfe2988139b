"""Intercom, as the catalogue describes it, against Intercom, as its reference describes it."""

from __future__ import annotations

import pytest

from runs.models import EventKind
from tests.catalog.conftest import Play
from tests.catalog.intercom import FIRST, Intercom, contact, iso, part, ticket
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "Intercom conversations and contacts, as they are"


@pytest.fixture
def intercom(play: Play[Intercom]) -> Intercom:
    return play(Intercom)


def test_the_example_job_comes_whole_through_a_limit_and_then_only_what_has_changed(intercom: Intercom) -> None:
    intercom.limit_request = 4
    integration = loaded(intercom)
    of_account = account(integration, intercom)
    run = synced(intercom, LABEL, integration=integration, account=of_account)
    assert_clean(run)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1
    assert stored(run, "contacts") == by_id(intercom.all_contacts)
    assert stored(run, "companies") == by_id(intercom.all_companies)
    assert stored(run, "conversations") == by_id(intercom.all_conversations)
    parts = [row for rows in intercom.parts_of.values() for row in rows]
    assert stored(run, "conversation_parts") == by_id(parts)
    assert stored(run, "admins") == by_id(intercom.all_admins)

    changed = contact(7, name="Renamed", updated_at=int(run.started_at.timestamp()) - 250)  # within the overlap
    intercom.all_contacts[7] = changed
    second = synced(intercom, LABEL, integration=integration, account=of_account)
    assert_clean(second)
    assert second.resource_stats()["contacts"]["search"] == {"fetched": 1, "persisted": 1}
    assert stored(second, "contacts")["contact-7"] == changed


def test_contacts_have_a_list_too_and_tickets_a_search(intercom: Intercom) -> None:
    entries = [
        {"resource": "contacts", "method": "list", "persist": True},
        {"resource": "tickets", "method": "search", "persist": True},
    ]
    run = synced(intercom, entries)
    assert_clean(run)
    assert stored(run, "contacts") == by_id(intercom.all_contacts)
    assert stored(run, "tickets") == by_id(intercom.all_tickets)
    assert {asked.headers["Intercom-Version"] for asked in intercom.asked} == {"2.11"}


def test_the_unified_job_maps_field_by_field(intercom: Intercom) -> None:
    nobody = {"contacts": {"type": "contact.list", "contacts": []}, "admin_assignee_id": 0, "team_assignee_id": 5}
    intercom.all_tickets = [ticket(1), ticket(2, ticket_state="resolved", **nobody)]
    intercom.ticket_parts_of = {"ticket-1": [part("ticket-1", 1, "note")], "ticket-2": []}
    intercom.all_contacts = [contact(1, phone="+353", companies={"type": "list", "data": [{"id": "c1"}]}), contact(2)]
    run = synced(intercom, "Intercom tickets, comments and people, unified")
    assert_clean(run)
    of_both = {"description": "It is broken", "type": {"id": "77", "name": "Bug report"}}
    assert stored(run, "ticketing/tickets") == {
        "ticket-1": {
            **of_both,
            "id": "ticket-1",
            "number": "1",
            "name": "Attribute 1",
            "status": {"id": "in_progress", "name": "active"},
            "assignees": [{"id": "991"}],
            "contact": {"id": "contact-1"},
            "created_at": iso(FIRST + 1),
            "updated_at": iso(FIRST + 61),
            "remote_data": intercom.all_tickets[0],
        },
        "ticket-2": {
            **of_both,
            "id": "ticket-2",
            "number": "2",
            "name": "Attribute 2",
            "status": {"id": "resolved", "name": "resolved"},
            "assignees": [],
            "team": {"id": "5"},
            "created_at": iso(FIRST + 2),
            "updated_at": iso(FIRST + 62),
            "remote_data": intercom.all_tickets[1],
        },
    }
    assert stored(run, "ticketing/comments") == {
        "ticket-1_part-1": {
            "id": "ticket-1_part-1",
            "html_body": "<p>Okay!</p>",
            "is_private": True,
            "author": {"id": "991", "name": "Ciaran", "type": "admin"},
            "ticket": {"id": "ticket-1"},
            "created_at": iso(FIRST + 1),
            "updated_at": iso(FIRST + 61),
            "remote_data": intercom.ticket_parts_of["ticket-1"][0],
        }
    }
    assert stored(run, "ticketing/users") == {
        "991": {
            "id": "991",
            "name": "Ciaran",
            "emails": [{"email": "ciaran@acme.com", "type": "primary"}],
            "remote_data": intercom.all_admins[0],
        }
    }
    assert stored(run, "ticketing/contacts") == {
        "contact-1": {
            "id": "contact-1",
            "name": "Joe 1",
            "emails": [{"email": "joe1@acme.com", "type": "primary"}],
            "phones": [{"number": "+353", "type": "primary"}],
            "details": "user",
            "account": {"id": "c1"},
            "created_at": iso(FIRST + 1),
            "updated_at": iso(FIRST + 61),
            "remote_data": intercom.all_contacts[0],
        },
        "contact-2": {
            "id": "contact-2",
            "name": "Joe 2",
            "emails": [{"email": "joe2@acme.com", "type": "primary"}],
            "phones": [],
            "details": "user",
            "created_at": iso(FIRST + 2),
            "updated_at": iso(FIRST + 62),
            "remote_data": intercom.all_contacts[1],
        },
    }
