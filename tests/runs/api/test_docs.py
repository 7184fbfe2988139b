"""The API describes itself, from our own server and without a script in the page."""

from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_openapi_document_lists_every_route(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    run = document["paths"]["/sync-job-run/{id}"]
    assert set(run) == {"get", "patch", "delete"}
    assert run["get"]["security"]
    assert "security" not in document["paths"]["/ping"]["get"]


def test_it_names_the_filters_of_a_list(client: Client) -> None:
    listed = client.get("/openapi.json").json()["paths"]["/sync-job-run"]["get"]["parameters"]
    assert {"limit", "next_cursor", "status", "created_at"} <= {parameter["name"] for parameter in listed}


def test_the_readable_documentation_runs_no_inline_script_and_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/docs").content.decode()
    scripts = re.findall(r"<script([^>]*)>", page)
    assert scripts
    assert all("src=" in attributes or 'type="application/json"' in attributes for attributes in scripts)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(address.startswith("/static/") for address in addresses)
    assert all(
        finders.find(re.sub(r"\.[0-9a-f]{12}\.", ".", address.removeprefix("/static/"))) for address in addresses
    )


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_documentation_is_to_be_read_only(path: str) -> None:
    program = Client(enforce_csrf_checks=True)
    assert program.head(path).status_code == 200
    refused = program.put(path)
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert refused.json()["statusCode"] == 405
