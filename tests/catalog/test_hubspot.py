"""HubSpot, as the catalogue describes it, against HubSpot, as its reference describes it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.conftest import Play
from tests.catalog.hubspot import HubSpot, crm_object, time_of
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "HubSpot, as it is"


@pytest.fixture
def hubspot(play: Play[HubSpot]) -> HubSpot:
    return play(HubSpot)


TOLD_BY = {"contacts": "email", "companies": "name", "deals": "dealname", "tickets": "subject"}


@pytest.mark.parametrize("method", ["list", "search"])
def test_objects_come_whole_by_list_and_by_search(hubspot: HubSpot, method: str) -> None:
    run = synced(hubspot, [{"resource": kind, "method": method, "persist": True} for kind in TOLD_BY])
    assert_clean(run)
    for kind, name in TOLD_BY.items():
        found, there = stored(run, kind), by_id(hubspot.objects_of[kind])
        assert told(found, name) == told(there, name)
        assert all(row["properties"].items() <= there[key]["properties"].items() for key, row in found.items())


def told(records: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return {key: row["properties"][name] for key, row in records.items()}


def test_owners_and_pipelines_come_whole(hubspot: HubSpot) -> None:
    pipelines = {"resource": "pipelines", "method": "list", "persist": True, "query": {"object_type": "deals"}}
    run = synced(hubspot, [{"resource": "owners", "method": "list", "persist": True}, pipelines])
    assert_clean(run)
    assert stored(run, "owners") == by_id(hubspot.all_owners)
    assert stored(run, "pipelines") == by_id(hubspot.all_pipelines)


def test_a_search_goes_on_behind_the_bound_of_results(hubspot: HubSpot) -> None:
    hubspot.most_results = 400
    integration = loaded(hubspot)
    text = integration.config["resources"]["contacts"]["search"]["pagination"]["config"]
    text["next_expression"] = text["next_expression"].replace("10000", "400")
    integration.save()
    entries = [{"resource": "contacts", "method": "search", "persist": True}]
    run = synced(hubspot, entries, integration=integration)
    assert_clean(run)
    assert stored(run, "contacts").keys() == by_id(hubspot.objects_of["contacts"]).keys()


def test_the_second_run_asks_for_what_was_modified_since_the_first(hubspot: HubSpot) -> None:
    integration = loaded(hubspot)
    of_account = account(integration, hubspot)
    synced(hubspot, LABEL, integration=integration, account=of_account)
    late = "2099-01-01T00:00:00.000Z"
    changed = {**crm_object("contacts", 7, email="new@hubspot.com", lastmodifieddate=late), "updatedAt": late}
    hubspot.objects_of["contacts"][7] = changed
    second = synced(hubspot, LABEL, integration=integration, account=of_account)
    assert_clean(second)
    assert second.resource_stats()["contacts"]["search"] == {"fetched": 1, "persisted": 1}
    assert second.resource_stats()["deals"]["search"] == {"fetched": 0, "persisted": 0}
    assert stored(second, "contacts")["10007"]["properties"]["email"] == "new@hubspot.com"


def test_the_unified_job_maps_field_by_field(hubspot: HubSpot) -> None:
    lost = {"hs_is_closed_won": "false", "amount": None, "hs_primary_associated_company": None}
    hubspot.objects_of = {
        "contacts": [
            crm_object("contacts", 1, mobilephone="+49 151 1"),
            crm_object("contacts", 2, firstname=None, email=None, phone=None, associatedcompanyid=None, jobtitle=None),
        ],
        "companies": [crm_object("companies", 1, website="https://c1.example.com")],
        "deals": [crm_object("deals", 1), crm_object("deals", 2, **lost)],
    }
    run = synced(hubspot, "HubSpot contacts, companies and deals, unified")
    assert_clean(run)
    assert without_remote_data(stored(run, "crm/contacts")) == {
        "10001": {
            "id": "10001",
            "first_name": "Brian",
            "last_name": "Halligan 1",
            "name": "Brian Halligan 1",
            "title": "Chairman",
            "emails": [{"email": "brian1@hubspot.com", "type": "primary"}],
            "phones": [
                {"number": "+1 888 482 7768", "type": "phone"},
                {"number": "+49 151 1", "type": "mobile"},
            ],
            "account": {"id": "20001"},
            "owner": {"id": "41629779"},
            "stage": "customer",
            "created_at": time_of(1),
            "updated_at": time_of(6),
        },
        "10002": {
            "id": "10002",
            "first_name": None,
            "last_name": "Halligan 2",
            "name": "Halligan 2",
            "title": None,
            "emails": [],
            "phones": [],
            "owner": {"id": "41629779"},
            "stage": "customer",
            "created_at": time_of(2),
            "updated_at": time_of(7),
        },
    }
    assert without_remote_data(stored(run, "crm/deals")) == {
        "30001": {
            "id": "30001",
            "name": "Deal 1",
            "amount": 1500.5,
            "currency": "EUR",
            "stage": {"id": "closedwon"},
            "pipeline": {"id": "default"},
            "status": "won",
            "account": {"id": "20001"},
            "contacts": [],
            "close_date": "2024-06-01T00:00:00Z",
            "created_at": time_of(1),
            "updated_at": time_of(6),
        },
        "30002": {
            "id": "30002",
            "name": "Deal 2",
            "currency": "EUR",
            "stage": {"id": "closedwon"},
            "pipeline": {"id": "default"},
            "status": "lost",
            "contacts": [],
            "close_date": "2024-06-01T00:00:00Z",
            "created_at": time_of(2),
            "updated_at": time_of(7),
        },
    }
    assert without_remote_data(stored(run, "crm/accounts")) == {
        "20001": {
            "id": "20001",
            "name": "Company 1",
            "website": "https://c1.example.com",
            "number_of_employees": 75,
            "phone_numbers": [],
            "created_at": time_of(1),
            "updated_at": time_of(6),
        }
    }


def test_a_deal_that_is_fetched_by_its_id_tells_its_contacts(hubspot: HubSpot) -> None:
    contacts = {"contacts": {"results": [{"id": "10001", "type": "deal_to_contact"}]}}
    hubspot.objects_of["deals"][1]["associations"] = contacts
    run = synced(hubspot, [{"resource": "crm/deals", "method": "get", "id": "30001"}])
    assert_clean(run)
    assert stored(run, "crm/deals")["30001"]["contacts"] == [{"id": "10001"}]


def without_remote_data(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {name: value for name, value in row.items() if name != "remote_data"} for key, row in records.items()}
