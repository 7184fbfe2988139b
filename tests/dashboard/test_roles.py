"""Each role at each page, by each method: generated from the URL conf, so that no page is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from tests import factories
from tests.dashboard import authorisation
from tests.dashboard.conftest import logged_in, person_of
from tests.dashboard.routes import Rank, access_of, address_of, all_routes, page_routes

PEOPLE = (Rank.CUSTOMER, Rank.VIEWER, Rank.OPERATOR, Rank.ADMIN, Rank.SUPERUSER)
OPEN = {
    "/healthz",
    "/readyz",
    "/login/",
    "/admin/login/",
    "/ping",
    "/docs",
    "/openapi.json",
    "/password/MQ/a-b/",
    "/words/en.js",
}


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[Rank, Client]]:
    """One of each rank. They log in once for all tests of this module: a login for each would take longest of all."""
    with django_db_blocker.unblock(), transaction.atomic():
        environment = factories.environment()
        logins = {rank: logged_in(person_of(rank, environment)) for rank in PEOPLE}
        yield {Rank.ANYBODY: Client(), **logins}
        transaction.set_rollback(True)


@pytest.fixture
def clients(people: dict[Rank, Client]) -> Iterator[dict[Rank, Client]]:
    """What a test does is undone; and so are the cookies that it was given."""
    jars = {rank: client.cookies.copy() for rank, client in people.items()}
    with transaction.atomic():
        yield people
        transaction.set_rollback(True)
    for rank, client in people.items():
        client.cookies = jars[rank]


DONE = (200, 204, 302, 400, 404, 409, 503)


def is_refused(rank: Rank, answer: Any) -> bool:
    """The unknown are sent to the login, which leads back, or asked for a token; everybody else is told."""
    if rank > Rank.ANYBODY:
        return answer.status_code == 403
    if answer.status_code == 401:
        return answer.headers["WWW-Authenticate"] == "Bearer"
    return answer.status_code == 302 and answer.url.startswith("/login/?next=")


@pytest.mark.parametrize("route", page_routes())
def test_a_page_is_for_those_whom_the_table_names(clients: dict[Rank, Client], route: str) -> None:
    """Everybody else is refused, before the page looks for anything."""
    access, address = access_of(route), address_of(route)
    for rank, client in clients.items():
        for method, needed in (("get", access.get), ("post", access.post)):
            answer = getattr(client, method)(address, {"anything": "else"} if method == "post" else None)
            refused = is_refused(rank, answer)
            if needed is None:
                holds = answer.status_code == 405 or (refused and rank < access.enters)
            elif rank < needed:
                holds = refused
            else:
                holds = answer.status_code in DONE and not refused
            assert holds, f"{rank.name} {method} {address}: {answer.status_code}"


@pytest.mark.parametrize("route", [route for route in page_routes() if access_of(route).enters > Rank.CUSTOMER])
def test_no_page_has_other_methods(clients: dict[Rank, Client], route: str) -> None:
    for method in ("put", "patch", "delete"):
        assert getattr(clients[Rank.SUPERUSER], method)(address_of(route)).status_code == 405
        assert getattr(clients[Rank.CUSTOMER], method)(address_of(route)).status_code == 403


def test_a_page_that_nobody_has_thought_of_is_found() -> None:
    with pytest.raises(LookupError, match="Who may open secrets/"):
        access_of("secrets/")


@pytest.mark.parametrize("route", all_routes())
def test_nothing_at_all_is_open_to_the_unknown(clients: dict[Rank, Client], route: str) -> None:
    """Pages, the admin and the API alike."""
    address = address_of(route.replace("\\Z", ""))
    answer = clients[Rank.ANYBODY].get(address)
    if address.rstrip("/") in {one.rstrip("/") for one in OPEN}:
        assert answer.status_code in (200, 302, 503)
    elif answer.status_code in (301, 302):
        assert "/login/" in answer.url or answer.url in (f"{address}/", "/admin/"), f"{address} -> {answer.url}"
    else:
        assert answer.status_code in (401, 403, 405), f"{address}: {answer.status_code}"


def test_the_table_in_the_repository_is_the_one_that_is_held_to() -> None:
    assert authorisation.TABLE.read_text() == authorisation.text(), "python -m tests.dashboard.authorisation"
